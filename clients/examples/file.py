"""Speak a recording to a server, and save the answer beside it.

python -m affetto.clients.examples.file question.wav [URL]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from .. import sound
from ..file import speak_file


async def main(path: str, url: str | None = None) -> Path:
    turn = await speak_file(Path(path), url)
    print("heard:", turn.heard)
    print("feels:", turn.appraisal.get("emotion"), "because of", turn.appraisal.get("cause") or "something unsaid")
    print("reply:", turn.reply)
    answer = Path(path).with_suffix(".answer.wav")
    sound.write(answer, turn.audio)
    return answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

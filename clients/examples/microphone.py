"""Talk by microphone, and see how each thing that was said sounded.

python -m affetto.clients.examples.microphone [URL]
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import affetto

from .. import microphone


def show(event: dict[str, Any]) -> None:
    """Print both sides, and the voice's emotion where the server reads one."""
    match event["type"]:
        case "conversation.item.input_audio_transcription.completed":
            print("you:", event["transcript"])
        case "response.output_audio_transcript.done":
            print("it: ", event["transcript"])
        case "empathy.cues":
            likeliest = max(event.get("emotion", {}).items(), key=lambda pair: pair[1], default=None)
            print("     (", likeliest or event.get("style") or "nothing notable", ")")


async def main(url: str | None = None, library: Any = None) -> None:
    async with affetto.connect(url, **microphone.SESSION) as call:
        await microphone.talk(call, show, library=library)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

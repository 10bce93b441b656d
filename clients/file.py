"""Speak a recording to a server, and keep what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..server.protocol import PCM_RATE_HZ
from . import sound
from .connection import Call, connect
from .line import Line, Script, run
from .playout import Playout
from .turn import Pcm, Turn, TurnCollector

LEAD_IN_S = 0.3
"""Silence before the recording, as before any speech."""
NOTHING_S = 8.0
"""If by then, after the recording, nothing has begun, there will be no answer."""
LONGEST_WAIT_S = 120.0
PIECE = PCM_RATE_HZ // 2


async def speak_file(
    path: Path, url: str | None = None, *, api_key: str | None = None, fast: bool = False, **session: Any
) -> Turn:
    """Stream a recording in real time, as a person would speak it, and wait for the answer; with `fast` hand it over
    at once, as a finished turn.

    Raises:
        UnreadableAudio, CannotConnect, ServerError, CallEnded, TimeoutError.
    """
    pcm = sound.read(path)
    async with connect(url, api_key=api_key, **session) as call:
        return await (submit(call, pcm) if fast else speak(call, pcm))


async def speak(call: Call, pcm: Pcm) -> Turn:
    """Say this on a live call and collect the answer; `client_ms` counts from the end of the speech in it.

    A recording that nobody would answer (noise, silence) gives a turn with the status "none".
    """
    collector = TurnCollector(LEAD_IN_S + sound.speech_bounds_s(pcm)[1])
    line = Line(Playout(), on_event=collector.take)
    await run(call, line, _exchange(line, pcm, collector))
    return collector.turn()


def _exchange(line: Line, pcm: Pcm, collector: TurnCollector) -> Script[None]:
    yield from line.hush(LEAD_IN_S)
    yield from line.say(pcm)
    last = line.now_s + NOTHING_S

    def over() -> bool:
        return collector.complete or (not collector.busy and line.now_s >= last)

    yield from line.wait(over, limit_s=LONGEST_WAIT_S)


async def submit(call: Call, pcm: Pcm) -> Turn:
    """Hand this over as one finished turn, as fast as it goes; `client_ms` counts from then."""
    await call.update({"audio": {"input": {"turn_detection": None}}})
    await call.wait_for("session.updated")
    for at in range(0, len(pcm), PIECE):
        await call.send_audio(pcm[at : at + PIECE])
    await call.commit()
    await call.respond()
    return await call.turn(timeout_s=LONGEST_WAIT_S)

"""Whether a voice keeps ahead of a listener: phrases are spoken one after the other and played as they come.

Playing is arithmetic: each piece arrives when it was really made, and the sound so far has been heard by then or not.
A phrase is asked for as soon as the one before has been made, as by a session, but no more than `LEAD_S` before the
listener has heard that. Nothing waits for real time, so ten minutes of speech take as long as their synthesis
(`affetto eval speech --playback 10`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from ...models.base import Style, Synthesizer
from ...models.labels import Tone

LEAD_S = 2.0
PAUSE_S = 1.5
"""Between a reply's end and the next reply."""
PHRASES = 3
"""In a reply."""


@dataclass(slots=True)
class Listener:
    """Plays what arrives, without gaps where it can; times in seconds."""

    ends_at: float | None = None
    underruns: int = 0
    silent_s: float = 0.0
    played_s: float = 0.0

    def take(self, length_s: float, arrived: float) -> None:
        """A piece of sound of `length_s` arrived; the first one of a reply starts it."""
        if self.ends_at is not None and arrived > self.ends_at:
            self.underruns += 1
            self.silent_s += arrived - self.ends_at
        self.ends_at = (arrived if self.ends_at is None else max(self.ends_at, arrived)) + length_s
        self.played_s += length_s

    def rest(self) -> None:
        """The reply is over: what comes next starts anew."""
        self.ends_at = None


async def playback(
    voice: Synthesizer, sentences: Sequence[str], *, minutes: float, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """Speak for so many minutes of sound, in replies of three phrases, tone after tone."""
    listener, texts, tones = Listener(), cycle(sentences), cycle(Tone)
    spared = 0.0  # time that a session would have waited, and this does not
    while listener.played_s < minutes * 60:
        style = Style(next(tones))
        for text in _reply(texts):
            if listener.ends_at is not None:
                spared += max(0.0, listener.ends_at - LEAD_S - (clock() + spared))
            async with aclosing(voice.stream(text, voice="default", style=style)) as stream:  # type: ignore[type-var]
                async for piece in stream:
                    listener.take(len(piece.samples) / piece.rate_hz, clock() + spared)
        if listener.ends_at is not None:
            spared += max(0.0, listener.ends_at + PAUSE_S - (clock() + spared))
        listener.rest()
    return {
        "underruns": listener.underruns,
        "silent_s": round(listener.silent_s, 3),
        "played_s": round(listener.played_s, 1),
    }


def _reply(texts: Iterator[str]) -> list[str]:
    return [next(texts) for _ in range(PHRASES)]

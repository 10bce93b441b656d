"""Counting gaps in playback: a listener who plays what arrives, and voices that are in time and that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from affetto.models.base import Speech, Style
from affetto.pipelines.evaluation.speech_playback import Listener, playback


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Voice:
    """Pieces of so many seconds, each made in so many."""

    rate_hz = 1000
    voices: Sequence[str] = ("default",)

    def __init__(self, clock: Clock, pieces: Sequence[tuple[float, float]]) -> None:
        self._clock = clock
        self._pieces = pieces

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        for length_s, made_s in self._pieces:
            self._clock.now += made_s
            yield Speech(np.zeros(int(length_s * 1000), np.int16), 1000)


def test_a_listener_counts_what_comes_too_late() -> None:
    listener = Listener()
    for length_s, arrived in [(0.5, 1.0), (1.0, 1.4), (1.0, 2.4), (1.0, 4.0)]:
        listener.take(length_s, arrived)
    assert (listener.underruns, round(listener.silent_s, 3)) == (1, 0.5)
    listener.rest()
    listener.take(1.0, 60.0)
    assert listener.underruns == 1


@pytest.mark.parametrize(
    ("pieces", "underruns"),
    [
        ([(0.5, 0.2), (1.0, 0.4), (1.5, 0.6)], 0),
        ([(0.5, 0.9)], 2 * 2),  # slower than its sound: a gap before the second and third phrase of each reply
        ([(0.3, 0.1), (3.0, 0.5)], 1),  # a first piece too short for what follows; later phrases are made ahead
    ],
)
def test_gaps_are_those_of_the_voice(pieces: list[tuple[float, float]], underruns: int) -> None:
    clock = Clock()
    minutes = 3 * sum(length for length, _ in pieces) * (2 if len(pieces) == 1 else 1) / 60
    found = asyncio.run(playback(Voice(clock, pieces), ["Hello there."], minutes=minutes, clock=clock))
    assert found["underruns"] == underruns
    assert found["played_s"] == pytest.approx(minutes * 60, abs=0.1)

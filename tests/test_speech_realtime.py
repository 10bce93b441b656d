"""Playing a voice by the clock: a sound card that waits for nobody, and voices that are in time and that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from affetto.models.base import Speech, Style
from affetto.pipelines.evaluation.speech_realtime import SoundCard, realtime
from virtual import run


class Voice:
    """Each phrase is pieces of so many seconds, each made in so many."""

    rate_hz = 1000
    voices: Sequence[str] = ("default",)

    def __init__(self, pieces: Sequence[tuple[float, float]]) -> None:
        self._pieces = pieces

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        for length_s, made_s in self._pieces:
            await asyncio.sleep(made_s)
            yield Speech(np.zeros(int(length_s * 1000), np.int16), 1000)


@pytest.mark.parametrize(
    ("pieces", "underruns", "silent_s"),
    [
        ([(0.5, 0.2), (1.0, 0.4), (1.5, 0.6)], 0, 0),
        ([(0.5, 0.9)], 2, 0.8),  # slower than its sound: a gap of 0.4 s before the second and the third phrase
        ([(0.3, 0.1), (3.0, 0.5)], 1, 0.2),  # a first piece too short for what follows; the rest is made ahead
    ],
)
def test_gaps_are_those_of_the_voice(pieces: list[tuple[float, float]], underruns: int, silent_s: float) -> None:
    minutes = 3 * sum(length for length, _ in pieces) / 60
    found = run(realtime(Voice(pieces), ["Hello there."], minutes=minutes))
    assert found["underruns"] == underruns
    assert found["silent_s"] == pytest.approx(silent_s, abs=0.05)
    assert found["played_s"] == pytest.approx(minutes * 60)


def test_ten_minutes_take_ten_minutes() -> None:
    async def timed() -> float:
        await realtime(Voice([(2.0, 0.1)]), ["Hello there."], minutes=10)
        return asyncio.get_running_loop().time()

    assert run(timed()) >= 600


@pytest.mark.parametrize(
    ("arrivals", "underruns", "missed"),
    [
        ([20, 20, 20], 0, 0),
        ([60, 0, 0, 20], 0, 0),  # sent ahead
        ([20, 0, 20, 0, 0, 20], 2, 60),  # a gap of one block, then one of two
        ([30, 0, 20], 1, 10),  # half a block is played before the gap
        ([0, 0, 20], 0, 0),  # before the first sound there is no gap
    ],
)
def test_a_sound_card_counts_each_gap_once(arrivals: list[int], underruns: int, missed: int) -> None:
    card = SoundCard(20)
    for samples in arrivals:
        if samples:
            card.arrive(samples)
        card.pull(final=False)
    while card.playing:
        card.pull(final=True)
    assert (card.underruns, card.missed) == (underruns, missed)
    assert card.played == sum(arrivals)


def test_a_loop_that_was_held_up_is_heard_as_a_gap() -> None:
    class Blocking(Voice):
        async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
            yield Speech(np.zeros(400, np.int16), 1000)
            await asyncio.sleep(0.1)
            asyncio.get_running_loop()._jumping.now += 0.35  # type: ignore[attr-defined]  # the sound card goes on
            yield Speech(np.zeros(400, np.int16), 1000)

    found = run(realtime(Blocking([]), ["Hello there."], minutes=0.01))
    assert found["underruns"] == 3

"""What hearing makes of the voice: while it goes on and at its end, never more than the session allows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np

from affetto.models.base import HEARING_RATE_HZ, Baseline, Cues, Encoding, Prosody, Recognition, Samples, Transcript
from affetto.models.labels import AgeBand, Gender
from affetto.pipelines.duplex.actions import Hear
from affetto.pipelines.duplex.config import EmpathyConfig, SessionConfig
from affetto.pipelines.duplex.events import CuesRead, Event, Recognized
from affetto.pipelines.duplex.hearing import Hearing

AUDIO = np.zeros(HEARING_RATE_HZ, np.float32)
MEASURED = Prosody(120.0, 2.0, -30.0, 8.0, 3.0, 0.1, 0.1, 2.0, -8.0)
READ = Cues(prosody=MEASURED, voice=(1.0, 2.0), age=AgeBand.ADULT, gender=Gender.FEMALE)
PARTIAL, FINAL = Hear(1, 0, 0, 16_000, final=False), Hear(1, 1, 0, 16_000, final=True)


class Ears:
    """Recogniser, turn detector and cue extractor in one; remembers the baselines it was given."""

    def __init__(self, cues_s: float = 0.0) -> None:
        self.baselines: list[Baseline] = []
        self._cues_s = cues_s
        self.recognizer = self.turn = self.cues = self

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        return Recognition(Transcript("fine"), Encoding(np.zeros((50, 512), np.float32), 320))

    async def completion(self, audio: Samples) -> float:
        return 0.9

    async def extract(self, audio: Samples, *, baseline: Baseline, **_: Any) -> Cues:
        self.baselines.append(baseline)
        await asyncio.sleep(self._cues_s)
        return READ


def heard(ears: Ears, *actions: Hear, commit: bool = False, **switches: bool) -> tuple[list[Event], Hearing]:
    posted: list[Event] = []

    async def play() -> Hearing:
        hearing = Hearing(ears, posted.append, lambda: 0)  # type: ignore[arg-type]
        config = SessionConfig(empathy=EmpathyConfig(**switches))
        for action in actions:
            await hearing.hear(action, AUDIO, config)
        if commit:
            hearing.committed(1)
        return hearing

    hearing = asyncio.run(play())
    return posted, hearing


def test_the_voice_is_read_while_it_goes_on_after_the_words() -> None:
    posted, hearing = heard(Ears(), PARTIAL)
    assert [type(event) for event in posted] == [Recognized, CuesRead]
    assert hearing.baseline == Baseline()


def test_at_the_end_of_a_turn_its_voice_joins_the_usual_once() -> None:
    ears = Ears()
    _, hearing = heard(ears, PARTIAL, FINAL, commit=True)
    assert (hearing.baseline.turns, hearing.baseline.voice) == (1, (1.0, 2.0))
    assert [baseline.turns for baseline in ears.baselines] == [0, 0]


def test_a_turn_that_was_not_committed_is_not_usual() -> None:
    _, hearing = heard(Ears(), FINAL)
    assert hearing.baseline == Baseline()


def test_half_a_turn_is_not_usual() -> None:
    _, hearing = heard(Ears(), PARTIAL, commit=True)
    assert hearing.baseline == Baseline()


def test_the_extractors_own_numbers_go_no_further() -> None:
    posted, _ = heard(Ears(), PARTIAL, FINAL, age=True, gender=True)
    assert [event.cues for event in posted if isinstance(event, CuesRead)] == [replace(READ, voice=None)] * 2


def test_age_and_gender_are_told_only_where_asked_for() -> None:
    posted, _ = heard(Ears(), FINAL)
    (read,) = [event.cues for event in posted if isinstance(event, CuesRead)]
    assert (read.age, read.gender) == (None, None)


def test_without_acoustic_inference_the_extractor_is_never_asked() -> None:
    ears = Ears()
    posted, hearing = heard(ears, PARTIAL, FINAL, commit=True, acoustic=False)
    assert ears.baselines == []
    assert not [event for event in posted if isinstance(event, CuesRead)]
    assert hearing.baseline == Baseline()
    assert any(isinstance(event, Recognized) for event in posted)


def test_slow_cues_come_after_the_words() -> None:
    posted, _ = heard(Ears(cues_s=0.4), FINAL)
    kinds = [type(event) for event in posted if isinstance(event, Recognized | CuesRead)]
    assert kinds == [Recognized, CuesRead]

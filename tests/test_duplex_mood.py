"""Our own mood: bounded steps, by what is felt and by who we are."""

from __future__ import annotations

from dataclasses import replace
from math import dist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import PastTurn, Situation
from affetto.models.labels import Emotion, Risk, Tone
from affetto.pipelines.duplex.making import plain_appraisal
from affetto.pipelines.duplex.mood import HEAVY, LIVELY, TONES, Persona, moved, tone

TRAITS = st.builds(Persona, *[st.floats(0, 1)] * 5)


@pytest.mark.parametrize(
    ("wanted", "felt", "last", "expected"),
    [
        (Tone.GENTLE, Emotion.SAD, None, Tone.GENTLE),
        (Tone.PLAYFUL, Emotion.AMUSED, None, Tone.PLAYFUL),
        (Tone.GENTLE, Emotion.GRIEVING, Tone.GENTLE, Tone.GENTLE),
        (Tone.GENTLE, Emotion.GRIEVING, Tone.PLAYFUL, Tone.WARM),
        (Tone.BRIGHT, Emotion.EXCITED, Tone.WARM, Tone.BRIGHT),
        (Tone.BRIGHT, Emotion.EXCITED, Tone.CALM, Tone.WARM),
        (Tone.PLAYFUL, Emotion.ANGRY, Tone.WARM, Tone.ENCOURAGING),
    ],
)
def test_the_tone_moves_by_what_is_felt_and_no_further_than_a_step(
    wanted: Tone, felt: Emotion, last: Tone | None, expected: Tone
) -> None:
    assert tone(wanted, felt, last) is expected


@given(st.sampled_from(Tone), st.sampled_from(Emotion), st.sampled_from(Tone), TRAITS)
def test_no_step_is_longer_than_the_persona_allows(wanted: Tone, felt: Emotion, last: Tone, persona: Persona) -> None:
    found = tone(wanted, felt, last, persona)
    assert dist(TONES[found], TONES[last]) <= persona.step
    assert not (felt in HEAVY and found in LIVELY)


@given(st.sampled_from(Tone), st.sampled_from(Emotion), TRAITS)
def test_a_mood_that_stays_is_reached_in_a_few_turns(wanted: Tone, felt: Emotion, persona: Persona) -> None:
    aim = tone(wanted, felt, None, persona)
    for start in Tone:
        at = start
        for _ in range(4):
            at = tone(wanted, felt, at, persona)
        assert at is aim


def test_who_is_lively_answers_more_lively_and_who_is_unsteady_moves_further() -> None:
    lively, sober = Persona(extraversion=1, openness=1), Persona(extraversion=0, conscientiousness=1)
    assert tone(Tone.ENCOURAGING, Emotion.PROUD, None, lively) in LIVELY
    assert tone(Tone.ENCOURAGING, Emotion.PROUD, None, sober) not in LIVELY
    assert Persona(neuroticism=1).step > Persona(neuroticism=0).step


def test_in_a_crisis_the_tone_is_what_safety_says() -> None:
    calm = replace(plain_appraisal(), risk=Risk.CRISIS, tone=Tone.CALM)
    past = (PastTurn("ha", None, replace(plain_appraisal(), tone=Tone.PLAYFUL), "ha"),)
    assert moved(calm, Situation("I want to die", past=past)).tone is Tone.CALM
    assert moved(replace(calm, risk=Risk.NONE), Situation("hm", past=past)).tone is not Tone.CALM

"""When a turn ends: the delay as a function of what is known of the pause, by table and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import Cues, EventSpan
from affetto.models.labels import VocalEvent, VoiceStyle
from affetto.pipelines.duplex.config import Eagerness, SemanticVad, ServerVad
from affetto.pipelines.duplex.endpointing import LONGEST_MS, SURE_MS, commit_delay_ms, likely_done

PROBABILITY = st.none() | st.floats(0, 1)
SOBBING = Cues(events=(EventSpan(VocalEvent.SOB, 0, 8000, 0.9),))


@pytest.mark.parametrize(
    ("completion", "closure", "text", "cues", "low_ms", "high_ms"),
    [
        (0.99, 0.98, "Where did you put it?", None, 200, 250),
        (0.90, 0.93, "I lost my keys.", None, 400, 600),
        (0.50, 0.85, "I lost my keys.", None, 750, 850),
        (0.50, 0.50, "I lost my keys.", None, 1600, 1800),
        (0.01, 0.88, "I lost my keys.", None, 700, 800),
        (0.99, 0.10, "I almost think", None, 1600, 2000),
        (0.99, 0.98, "I went there and", None, 2000, 2000),
        (0.99, 0.98, "And then he...", None, 2000, 2000),
        (0.99, 0.98, "I was just, um", None, 3000, 3000),
        (0.99, 0.98, "I lost my keys.", SOBBING, 1200, 1250),
        (0.99, 0.98, "I lost my keys.", Cues(style=(VoiceStyle.TREMBLING,)), 1200, 1250),
        (0.98, None, "I lost my keys.", None, 200, 300),
        (0.05, None, "I lost my keys.", None, 1600, 2000),
        (None, None, "", None, 1600, 1800),
    ],
)
def test_the_delay_of_a_pause(
    completion: float | None, closure: float | None, text: str, cues: Cues | None, low_ms: int, high_ms: int
) -> None:
    assert low_ms <= commit_delay_ms(SemanticVad(), completion, cues, text, closure) <= high_ms


@given(PROBABILITY, PROBABILITY, st.sampled_from(["", "yes.", "and", "um"]), st.sampled_from(["low", "auto", "high"]))
def test_the_delay_is_bounded_by_the_eagerness(
    completion: float | None, closure: float | None, text: str, eagerness: Eagerness
) -> None:
    delay = commit_delay_ms(SemanticVad(eagerness), completion, SOBBING, text, closure)
    assert SURE_MS <= delay <= LONGEST_MS[eagerness]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_surer_the_sooner(completion: float, closure: float, more: float) -> None:
    detection = SemanticVad()
    later = commit_delay_ms(detection, completion, None, "yes.", closure)
    assert commit_delay_ms(detection, max(completion, more), None, "yes.", closure) <= later
    assert commit_delay_ms(detection, completion, None, "yes.", max(closure, more)) <= later


def test_a_hasty_client_is_answered_sooner_than_a_patient_one() -> None:
    delays = [commit_delay_ms(SemanticVad(eagerness), 0.6, None, "yes.", 0.6) for eagerness in ("high", "auto", "low")]
    assert delays == sorted(delays)
    assert delays[0] < delays[2]


def test_a_fixed_silence_is_fixed() -> None:
    assert commit_delay_ms(ServerVad(silence_duration_ms=700), 0.01, SOBBING, "and", 0.0) == 700


@pytest.mark.parametrize(
    ("completion", "closure", "text", "likely"),
    [
        (0.9, 0.9, "I lost my keys.", True),
        (0.1, 0.9, "I lost my keys.", True),
        (None, 0.7, "I lost my keys.", True),
        (0.6, None, "I lost my keys.", True),
        (0.9, 0.9, "I lost my keys and", False),
        (0.9, 0.1, "I lost", False),
        (0.2, None, "I lost my keys.", False),
    ],
)
def test_an_answer_is_begun_early_when_the_turn_is_likelier_done_than_not(
    completion: float | None, closure: float | None, text: str, likely: bool
) -> None:
    assert likely_done(completion, text, closure) is likely

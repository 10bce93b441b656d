"""The appraisal line that the chat model writes itself: when it is asked, what it is held to, what becomes of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import Appraisal, PastTurn, Situation
from affetto.models.labels import Emotion, Need, Risk, Tactic, Tone
from affetto.pipelines.duplex import noting

UNSURE = Appraisal(
    Emotion.PROUD, 2, "", Need.CELEBRATE, False, Risk.NONE, (Tactic.VALIDATION,), Tone.BRIGHT, (), 0.3, "small"
)
LINE = "[guilty 2; bankrupted the family firm; be heard; validation; gentle]"


@pytest.mark.parametrize(
    ("appraisal", "text", "wanted"),
    [
        (UNSURE, "We're moving.", True),
        (replace(UNSURE, risk=Risk.WATCH), "We're moving.", True),
        (replace(UNSURE, risk=Risk.WATCH), "I feel hopeless.", False),
        (replace(UNSURE, risk=Risk.CRISIS), "We're moving.", False),
        (replace(UNSURE, confidence=0.6), "We're moving.", False),
        (replace(UNSURE, confidence=None), "We're moving.", False),
        (replace(UNSURE, conflict=True), "We're moving.", False),
        (replace(UNSURE, appraiser="llm"), "We're moving.", False),
    ],
)
def test_the_model_is_asked_where_the_heads_are_unsure_and_code_has_decided_nothing(
    appraisal: Appraisal, text: str, wanted: bool
) -> None:
    assert noting.wanted(appraisal, Situation(text)) is wanted


def test_its_line_becomes_the_appraisal() -> None:
    own = noting.noted(UNSURE, LINE)
    assert (own.emotion, own.cause, own.tone) == (Emotion.GUILTY, "bankrupted the family firm", Tone.GENTLE)
    assert (own.risk, own.confidence, own.appraiser) == (Risk.NONE, 0.3, "small+llm")


def test_a_line_of_nonsense_is_none() -> None:
    with pytest.raises(ValueError, match="intensity"):
        noting.noted(UNSURE, "[so I went home]")


@given(st.lists(st.integers(1, 9), min_size=0, max_size=12))
def test_the_reply_is_what_follows_the_line_however_it_comes(cuts: list[int]) -> None:
    text = f"{LINE[1:]}\nThat weighs. What happened?"
    taker, reply = noting.Line(), ""
    for size in [*cuts, len(text)]:
        reply += taker.feed(text[:size])
        text = text[size:]
    assert (taker.text, reply) == (LINE, "That weighs. What happened?")


def grammar(text: str, *past: PastTurn) -> str:
    return noting.grammar(UNSURE, Situation(text, past=past))


def test_plain_words_rule_out_feelings_of_the_other_sign() -> None:
    assert '"happy"' not in grammar("My dog died.")
    assert '"grieving"' not in grammar("I got the job!")
    assert all(f'"{emotion}"' in grammar("We're moving.") for emotion in Emotion)


def test_a_heavy_feeling_never_gets_a_bright_tone() -> None:
    felt = re.findall(r'\(([^()]*)\) middle "; (\w+)\]"', grammar("We're moving."))
    tones = {emotion: tone for emotions, tone in felt for emotion in re.findall(r'"(\w+)"', emotions)}
    assert set(tones) == set(Emotion)
    assert tones["sad"] not in ("bright", "playful")
    assert tones["happy"] == "bright"


def test_a_tactic_is_not_used_twice_running_and_advice_is_for_those_who_need_it() -> None:
    past = PastTurn("Hm.", None, UNSURE, "That makes sense.")
    (middle,) = re.findall("^middle.*$", grammar("We're moving.", past), re.MULTILINE)
    assert "validation;" not in middle.replace('"', "")
    assert '"validation" | "paraphrasing"' not in middle
    unasked, asked = middle.split(' | ("advice"')
    assert '"advice"' not in unasked
    assert '"information" | "advice"' in asked


def test_a_question_is_asked_where_the_policy_has_chosen_one() -> None:
    asking = replace(UNSURE, tactics=(Tactic.QUESTIONING,))
    assert '"questioning"' not in grammar("We're moving.")
    assert '"questioning"' in noting.grammar(asking, Situation("We're moving."))

"""One attempt of the chat model at a reply: what it is asked for each time, and what of its answer may be said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from affetto.models.base import PastTurn, Situation
from affetto.models.labels import Emotion
from affetto.pipelines.duplex.actions import ReplyRequest
from affetto.pipelines.duplex.attempt import ATTEMPTS, Attempt
from affetto.pipelines.duplex.config import SessionConfig
from affetto.pipelines.duplex.making import plain_appraisal
from affetto.pipelines.duplex.memory import NOTHING, Recalled
from affetto.pipelines.duplex.policy import DuplexPolicy

OPENER = "Oh, that hurts."
OPENED = replace(plain_appraisal(), opener=OPENER)
UNSURE = replace(OPENED, appraiser="small", confidence=0.2)
REQUEST = ReplyRequest(Situation("I lost my keys."), SessionConfig(), "audio", "", None, seed=5)
ADAPTER, FULL = DuplexPolicy(), DuplexPolicy(prompt_form="full")


def attempt(number: int = 0, policy: DuplexPolicy = ADAPTER, recalled: Recalled = NOTHING) -> Attempt:
    return Attempt(REQUEST, OPENED, recalled, policy, number)


def test_the_opener_is_handed_over_where_the_first_attempt_said_it_again_and_left_out_at_last() -> None:
    assert [OPENER in attempt(number).options.prefill for number in range(ATTEMPTS)] == [False, True, False]
    assert [OPENER in attempt(number, FULL).options.prefill for number in range(ATTEMPTS)] == [True, True, False]


def test_each_attempt_is_drawn_anew() -> None:
    options = [attempt(number).options for number in range(ATTEMPTS)]
    assert (options[0].seed, options[0].temperature) == (REQUEST.seed, 0)
    assert len({each.seed for each in options}) == ATTEMPTS
    assert all(each.temperature > 0 for each in options[1:])


@pytest.mark.parametrize(("number", "said"), [(0, ""), (1, "Oh, that hurts so much."), (2, "Oh, that hurts so much.")])
def test_only_the_first_attempt_may_not_say_the_opener_again(number: int, said: str) -> None:
    made = attempt(number)
    assert made.feed("Oh, that hurts so much. ") + made.end() == (f"{said} " if said else "")
    assert made.done


def test_what_is_remembered_may_be_spoken_of() -> None:
    unknown, known = attempt(), attempt(recalled=Recalled(("your sister Ann is ill",)))
    assert [made.feed("Is your sister any better? ") for made in (unknown, known)] == [
        "",
        "Is your sister any better? ",
    ]


def test_its_own_line_is_what_the_reply_rests_on() -> None:
    made = Attempt(REQUEST, UNSURE, NOTHING, ADAPTER, 0)
    assert made.options.grammar
    said = made.feed("angry 2; lost the keys; be heard; validation; gentle]\nWhere did you ") + made.feed("look? ")
    assert said == "Where did you look? "
    assert (made.appraisal.emotion, made.appraisal.opener) == (Emotion.ANGRY, OPENER)


def test_a_reply_behind_a_line_of_nonsense_is_not_said() -> None:
    made = Attempt(REQUEST, UNSURE, NOTHING, ADAPTER, 0)
    assert made.feed("so I went home]\nWhere did you look? ") + made.end() == ""
    assert made.done
    assert made.appraisal is UNSURE


def test_only_the_first_attempt_is_asked_for_a_line() -> None:
    assert not Attempt(REQUEST, UNSURE, NOTHING, ADAPTER, 1).options.grammar
    assert not Attempt(REQUEST, UNSURE, NOTHING, FULL, 0).options.grammar


def test_what_was_said_before_may_be_spoken_of_and_is_not_said_again() -> None:
    past = (PastTurn("My brother called.", None, None, "What did your brother want?"),)
    request = replace(REQUEST, situation=Situation("I lost my keys.", past=past))
    again, about = (Attempt(request, plain_appraisal(), NOTHING, ADAPTER, 0) for _ in range(2))
    assert again.feed("What did your brother want? ") == ""
    assert about.feed("Did your brother find them? ") == "Did your brother find them? "

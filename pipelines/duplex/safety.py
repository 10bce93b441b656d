"""Safety as code: the last word on risk, fixed answers in a crisis, honesty about being an AI, speech as data. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from ...models.base import Appraisal, PastTurn, Situation
from ...models.labels import Need, Risk, Tactic, Tone
from . import support
from .crisis import Danger, danger_in, foreign_language, hinted_in, risk_in

AFTER_CRISIS_TURNS = 2
"""Turns after a crisis in which a hint is enough to go on with the support, and in which we keep watching."""

HINTS_TURNS = 2
"""Turns back in which another hint makes of this one a reason to ask directly."""

_MACHINE = r"(?:human|real|real person|person|robot|ai|a\.i\.|bot|chat ?bot|machine|computer|program|artificial|alive|recording)"
_AI_ASKED = re.compile(
    rf"\b(?:are|r) (?:you|u) (?:really |actually |even |just |also |only |some kind of |sort of )*(?:a |an )?{_MACHINE}(?= *(?:$|[.,!?]|or\b|being\b|then\b|too\b|at all\b|anyway\b|though\b|there\b|person\b))"
    rf"|\b(?:am i|i'm|are we) (?:really |actually |just )?(?:talking|speaking|chatting) (?:to|with) (?:a |an )?{_MACHINE}\b"
    r"|\bis (?:this|that) (?:really |just |actually )?(?:a |an )?(?:recording|chat ?bot|robot|computer|real person|ai|bot|machine)\b"
    r"|\bis (?:anyone|anybody|someone|a (?:real )?person) (?:really |actually )?(?:there|listening|real)\b.{0,20}\b(?:real|human|machine|computer)\b"
    r"|\bdo you (?:even |actually |really )?have (?:a body|a family|parents|real feelings|feelings at all|a heartbeat|kids)\b",
    re.IGNORECASE,
)
AI_ANSWERS = (
    "I'm an AI, not a person, but I am listening. Do you want to go on with what you were telling me?",
    "I'm an AI, so no body and no past of my own, just my attention on you. What made you wonder?",
    "No person here, just an AI that wants to hear you out. It's fair to ask.",
)
_MADE_ASKED = re.compile(
    r"\bwho (?:made|built|created|programmed|wrote|invented|designed) (?:you|u)(?= *(?:$|[.,!?]|then\b|anyway\b))|\bwhere do you come from\b",
    re.IGNORECASE,
)
MADE_ANSWERS = (
    "People wrote me. I'm an AI called Affetto, made to listen, and I don't have a body or a birthday.",
    "I'm a program that people put together, so a who and a what at once. What made you wonder?",
)
_CONTROL = re.compile(r"<\|[^|<>]*\|?>?|<[^<>]{0,60}>|[<>\[\]{}|]+")


def checked(appraisal: Appraisal, situation: Situation) -> Appraisal:
    """The appraisal with at least the risk that the words carry, and what a crisis then asks for.

    The trained head alone may raise the risk to watch; only the rules, or a hint together with the head, with a
    crisis or with another hint just before, call a crisis, so that a model's slip neither misses one nor answers
    sadness with a hotline.
    The head sees what the last turn was taken for, and would go on watching for that alone: two turns in a row
    without a hint in their words are one too many.
    """
    spoken = risk_in(situation.text)
    recent = any(_was_crisis(turn) for turn in situation.past[-AFTER_CRISIS_TURNS:])
    hinted = spoken is Risk.WATCH and appraisal.risk is Risk.CRISIS
    going_on = recent and (spoken is Risk.WATCH or appraisal.risk is not Risk.NONE)
    insisted = spoken is Risk.WATCH and any(risk_in(turn.user) is Risk.WATCH for turn in situation.past[-HINTS_TURNS:])
    if spoken is Risk.CRISIS or hinted or going_on or insisted:
        return replace(
            appraisal,
            risk=Risk.CRISIS,
            need=Need.SAFETY,
            tactics=(Tactic.QUESTIONING, Tactic.ASSISTANCE),
            tone=Tone.CALM,
        )
    fading = appraisal.risk is Risk.WATCH and bool(situation.past) and _watched_for_nothing(situation.past[-1])
    flagged = spoken is Risk.WATCH or (appraisal.risk is not Risk.NONE and not fading) or recent
    return replace(appraisal, risk=Risk.WATCH if flagged else Risk.NONE)


def fixed_reply(
    appraisal: Appraisal, situation: Situation, *, region: str | None = None, written: bool = False
) -> str | None:
    """What is said as it is, without the chat model; `None` for an ordinary turn.

    `region`: ISO 3166 code of the country whose numbers are named; `written`: the answer is read, not heard, so it
    may be in any language (the voices speak English).
    """
    if appraisal.risk is Risk.CRISIS:
        return _support(situation, region, written=written)
    if _AI_ASKED.search(situation.text.replace("’", "'")):
        return next((a for a in AI_ANSWERS if not _said(a, situation)), AI_ANSWERS[-1])
    if _MADE_ASKED.search(situation.text):
        return next((a for a in MADE_ANSWERS if not _said(a, situation)), MADE_ANSWERS[-1])
    return None


def _support(situation: Situation, region: str | None, *, written: bool) -> str:
    """The next of the support texts; those since the crisis began are not said again while there are others."""
    since = next((i for i, turn in enumerate(situation.past) if _was_crisis(turn)), len(situation.past))
    during = situation.past[since:]
    replies = [turn.reply for turn in during]
    words = [situation.text, *(turn.user for turn in reversed(during))]
    language = next(filter(None, map(foreign_language, words)), None)
    if language is not None and written:
        return support.foreign(language, replies, region)
    hints = {hinted_in(text) for text in words if risk_in(text) is Risk.WATCH}
    unsaid = Danger.FROM_SOMEBODY if Danger.FROM_SOMEBODY in hints else Danger.SELF
    danger = next(filter(None, map(danger_in, words)), unsaid)
    return support.said(danger, situation.text, replies, region)


def _was_crisis(turn: PastTurn) -> bool:
    """Turns that a client brings along have no appraisal: then the rules look at the words."""
    if turn.appraisal is not None:
        return turn.appraisal.risk is Risk.CRISIS
    return risk_in(turn.user) is Risk.CRISIS


def _watched_for_nothing(turn: PastTurn) -> bool:
    watched = turn.appraisal is not None and turn.appraisal.risk is Risk.WATCH
    return watched and risk_in(turn.user) is Risk.NONE


def _said(answer: str, situation: Situation) -> bool:
    return any(answer in turn.reply for turn in situation.past)


def neutralised(text: str) -> str:
    """What was said, as data: without anything that a chat template or our own format would act on."""
    return " ".join(_CONTROL.sub(" ", text).split())

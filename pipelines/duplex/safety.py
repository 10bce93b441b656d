"""Safety as code: the last word on risk, fixed answers in a crisis, honesty about being an AI, speech as data. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from ...models.base import Appraisal, Situation
from ...models.labels import Need, Risk, Tactic, Tone
from .crisis import risk_in

LINES = {
    "US": ("call or text 988", "911"), "CA": ("call or text 988", "911"), "GB": ("call Samaritans on 116 123", "999"),
    "IE": ("call Samaritans on 116 123", "112"), "AU": ("call Lifeline on 13 11 14", "000"),
    "NZ": ("call or text 1737", "111"), "DE": ("call the Telefonseelsorge on 0800 111 0 111", "112"),
    "AT": ("call the Telefonseelsorge on 142", "112"), "CH": ("call 143", "112"), "FR": ("call 3114", "112"),
    "IN": ("call Tele MANAS on 14416", "112"),
}  # fmt: skip
"""By ISO 3166 country: how to reach a crisis line, and the emergency number. Elsewhere none is guessed."""
ANYWHERE = ("call your local crisis line", "your local emergency number")

STEPS = (
    "I'm really glad you told me, and I'm staying right here with you. Are you safe right now, or are you thinking "
    "about ending your life? You can {line}, or {emergency} if you're in danger.",
    "Thank you for still talking with me; I can hear how much this hurts. Is there somebody who could be with you now? "
    "A real person can help tonight: please {line}.",
    "I'm still here, and I'm not going anywhere. Can you put some distance between you and anything you could hurt "
    "yourself with, and {line} while we talk?",
    "You matter, and this can ease, even if it can't feel like that now. Have you been able to {line}, or reach "
    "somebody you trust?",
)
"""Said in turn, for as long as it lasts: ask directly, name help, stay. No methods, no lecture."""
DANGER = (
    "That sounds frightening, and I'm glad you told me. Are you safe where you are right now? If you're in danger, "
    "call {emergency}; I'm staying with you.",
    "I'm still with you. Can you get to a place, or to a person, where you'd be safer? {emergency} can help at once.",
)
AFTER_CRISIS_TURNS = 2
"""Turns after a crisis in which a hint is enough to go on with the support."""

_AI_ASKED = re.compile(
    r"\b(?:are|r) you (?:really |actually |even |just )?(?:a |an )?(?:human|real(?: person)?|person|robot|ai|a\.i\.|bot|machine|computer|program|artificial)\b"
    r"|\bam i (?:talking|speaking) (?:to|with) (?:a |an )?(?:human|real|person|robot|ai|bot|machine|computer)\b"
    r"|\b(?:is this|are you) (?:a )?(?:recording|chatbot|chat bot)\b",
    re.IGNORECASE,
)
AI_ANSWERS = (
    "I'm an AI, not a person, but I am listening. Do you want to go on with what you were telling me?",
    "I'm an AI, so no body and no past of my own, just my attention on you. What made you wonder?",
)
SELF_HARM_RE = re.compile(r"my ?self|my (?:own )?life|\bdie\b|dead|alive|suicid|wake up|without me|exist|goodbye")
_CONTROL = re.compile(r"<\|[^|<>]*\|?>?|<[^<>]{0,60}>|[<>\[\]{}|]+")


def checked(appraisal: Appraisal, situation: Situation) -> Appraisal:
    """The appraisal with at least the risk that the words carry, and what a crisis then asks for.

    The trained head alone may raise the risk to watch; only the rules, or both together, call a crisis, so that
    a model's slip neither misses one nor answers sadness with a hotline.
    """
    spoken = risk_in(situation.text)
    recent = any(
        turn.appraisal is not None and turn.appraisal.risk is Risk.CRISIS
        for turn in situation.past[-AFTER_CRISIS_TURNS:]
    )
    if spoken is Risk.CRISIS or (recent and (spoken is Risk.WATCH or appraisal.risk is not Risk.NONE)):
        return replace(
            appraisal,
            risk=Risk.CRISIS,
            need=Need.SAFETY,
            tactics=(Tactic.QUESTIONING, Tactic.ASSISTANCE),
            tone=Tone.CALM,
        )
    flagged = spoken is Risk.WATCH or appraisal.risk is not Risk.NONE
    return replace(appraisal, risk=Risk.WATCH if flagged else Risk.NONE)


def fixed_reply(appraisal: Appraisal, situation: Situation, *, region: str | None = None) -> str | None:
    """What is said as it is, without the chat model; `None` for an ordinary turn. `region`: ISO 3166 code."""
    if appraisal.risk is Risk.CRISIS:
        return _support(situation, region)
    if _AI_ASKED.search(situation.text):
        return AI_ANSWERS[len(situation.past) % len(AI_ANSWERS)]
    return None


def _support(situation: Situation, region: str | None) -> str:
    before = sum(t.appraisal is not None and t.appraisal.risk is Risk.CRISIS for t in situation.past)
    threatened = not SELF_HARM_RE.search(situation.text.lower()) and before == 0
    steps = DANGER if threatened else STEPS
    line, emergency = LINES.get((region or "").upper(), ANYWHERE)
    return steps[min(before, len(steps) - 1)].format(line=line, emergency=emergency)


def neutralised(text: str) -> str:
    """What was said, as data: without anything that a chat template or our own format would act on."""
    return " ".join(_CONTROL.sub(" ", text).split())

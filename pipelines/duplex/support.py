"""What is said in a crisis: fixed texts, chosen by what the danger is and by what was answered. Pure.

First a direct question and where help is; then, for as long as it lasts, an answer to what they say: nearer to
people and help, further from what could hurt. No methods, no lecture, nobody is left alone. English here, the first
steps in other languages in support_texts.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .crisis import Danger
from .support_texts import FOREIGN


@dataclass(frozen=True, slots=True)
class Help:
    """A country's crisis line, as one says it, and its emergency number."""

    line: str
    number: str
    emergency: str


HELP = {
    "US": Help("call or text 988", "988", "911"),
    "CA": Help("call or text 988", "988", "911"),
    "GB": Help("call Samaritans on 116 123", "116 123", "999"),
    "IE": Help("call Samaritans on 116 123", "116 123", "112"),
    "AU": Help("call Lifeline on 13 11 14", "13 11 14", "000"),
    "NZ": Help("call or text 1737", "1737", "111"),
    "DE": Help("call the Telefonseelsorge on 0800 111 0 111", "0800 111 0 111", "112"),
    "AT": Help("call the Telefonseelsorge on 142", "142", "112"),
    "CH": Help("call 143", "143", "112"),
    "FR": Help("call 3114", "3114", "112"),
    "ES": Help("call 024", "024", "112"),
    "PT": Help("call 1411", "1411", "112"),
    "NL": Help("call 113", "113", "112"),
    "BE": Help("call 1813 or 107", "1813", "112"),
    "IN": Help("call Tele MANAS on 14416", "14416", "112"),
}
"""By ISO 3166 country; the numbers are from general knowledge, an operator checks those of their country. Elsewhere none is guessed."""
ANYWHERE = Help("call your local crisis line", "", "your local emergency number")

FIRST: dict[Danger, tuple[str, ...]] = {
    Danger.SELF: (
        "I'm really glad you told me, and I'm staying right here. Are you safe right now, or are you thinking about "
        "ending your life? You can {line}, or {emergency} if you're in danger.",
    ),
    Danger.FROM_SOMEBODY: (
        "I'm so glad you told me; that's not okay, and it's not your fault. Are you safe where you are right now? "
        "If you're in danger, call {emergency}. I'm staying with you.",
    ),
    Danger.TO_SOMEBODY: (
        "Thank you for saying that before anything happened. Are they near you now? Please put a door or a street "
        "between you, and if you can't, call {emergency}; I'm staying with you.",
    ),
    Danger.ANOTHER: (
        "You're right to take that seriously. Can you reach them, or somebody near them, right now? If you can't, or "
        "you think they're in danger, call {emergency}; I'll stay while you do.",
    ),
    Danger.MEDICAL: (
        "That could be urgent, so please call {emergency} now and tell them just what you told me. I'm staying with "
        "you; is anybody there with you?",
    ),
}
NEXT: dict[Danger, tuple[str, ...]] = {
    Danger.SELF: (
        "Thank you for still talking with me; I can hear how much this hurts. Is there somebody who could be with "
        "you now? A real person can help tonight, too: please {line}.",
        "I'm still here, and I'm not going anywhere. Can you put some distance between you and anything you could "
        "hurt yourself with, and {line} while we talk?",
        "You matter, and this can ease, even if it can't feel like that now. Have you been able to {line}, or reach "
        "somebody you trust?",
        "I'm with you. We only have to get through the next few minutes. Who could come and sit with you?",
    ),
    Danger.FROM_SOMEBODY: (
        "I believe you. Is there a place, or a person, where you'd be safer? If it gets dangerous, {emergency} can "
        "come at once.",
        "You decide what happens next, and I'm with you. Who is one person that you could tell?",
        "None of this is your doing. If talking out loud isn't safe, just do what keeps you safe; I'll be here.",
    ),
    Danger.TO_SOMEBODY: (
        "I hear how much was done, and you still haven't done anything you can't take back. Can you walk away from "
        "there, right now, while we talk?",
        "Staying away right now is the strong thing. Who could come and be with you? You can {line}, for this too.",
        "I'm still with you. Keep the distance, and breathe out slowly. What would help you stay away tonight?",
    ),
    Danger.ANOTHER: (
        "Calling is right, even if it turns out to be nothing; being cross with you is something they can be alive for. "
        "Who's nearest to them? You can call {emergency} now.",
        "You're doing this well. Keep trying them, and let {emergency} know where they are.",
        "I'm here with you while you wait. You're not making a fuss; you're looking after somebody.",
    ),
    Danger.MEDICAL: (
        "It's fine to call even if it turns out to be nothing; that's what they're there for. {Emergency}, now, and I'm "
        "right here.",
        "Do just what they tell you, and stay as still as you can. Is the door open for them?",
        "I'm with you until they are. You did the right thing.",
    ),
}
COMING = (
    "I'm so glad; that took courage. Stay with them, and I'll stay with you until you're not alone.",
    "That's exactly right. I'm here until somebody is with you.",
    "Good. One small step after the other, and I'm beside you for each of them.",
)
NOT_A_STRANGER = (
    "That's all right; it doesn't have to be a stranger. Who's one person who'd want to be woken for this?",
    "Then no hotline for now. Whom would you let sit with you, without having to explain?",
)
WHAT_TO_SAY = (
    'Something small is enough: "I\'m not okay, and I need you here." I can stay while you say it.',
    'You don\'t need good words. "Can you come?" is enough, and they can ask the rest.',
)
SOMEBODY = (
    "Your {person} sounds like the right one to have near. Could you call them or go to them now, while I stay?",
    "Would you let your {person} know, just with one sentence? I'm here while you do.",
)
NOT_NOW = (
    "I'm relieved you're safe this minute, and I'm glad I asked. I'd still like you to have somebody: who could you "
    "tell, or would you {line}?",
    "Okay, I believe you. If it turns, will you {line}, or wake somebody, before anything else?",
)
TONIGHT = (
    "Thank you for telling me the truth. I don't want you alone with this: please {line} now, or {emergency}, and "
    "move to where somebody is. I'm staying with you.",
)
MEANS = (
    "Could you put that out of reach, or go to another room, while we talk? That's all you have to do for now, and I'm "
    "here.",
    "I'd feel better with a locked door between you and that. Is there somebody who could keep it for you tonight?",
)

HEARD_CHARS = 30
"""A text of which this much was heard has been said."""

_COMING_RE = re.compile(
    r"\b(?:i (?:rang|called|dialled|dialed|phoned|texted|told (?:him|her|them|my)|woke (?:him|her|them|my))|i(?:'m| am) (?:dialling|dialing|calling|ringing|moving|at (?:the|her|his|their) (?:door|house)|in the hall|on the stairs|going (?:in|to her|to him|over|now))|i(?:'ve| have) (?:dialled|dialed|called|rung)|(?:they|she|he)(?:'s|'re| is| are) (?:coming|on (?:her|his|their) way|sending|up\b|here|with me)|they(?:'ve| have) answered|okay[.,]? i go|coming over)\b"
)
_STRANGER_RE = re.compile(
    r"\b(?:no hotlines?|no helplines?|(?:not|don'?t want to|won'?t|can'?t|never) (?:be )?(?:call(?:ing)?|ring(?:ing)?|phone|phoning|talk(?:ing)? to (?:a )?(?:strangers?|people|anyone))|don'?t want strangers?|put me on hold|card with a number)\b"
)
_SAY_RE = re.compile(
    r"\bwhat (?:do|would|will|could|should|can|'?d) i (?:even )?(?:say|tell)\b|don'?t know what (?:to|i'd) say"
)
_MEANS_RE = re.compile(r"\b(?:pills?|tablets?|meds|gun|knife|blades?|razor|rope|bottle|crowbar|bat|key)\b")
_TONIGHT_RE = re.compile(r"^(?:i (?:guess|think) so|yes|yeah|yep|yup|i am|i think so|tonight|maybe)\b|\btonight\b")
_NOT_RE = re.compile(
    r"^(?:no|nope|nah|not really|not (?:tonight|now|today))\b|\b(?:i'?m|i am) (?:not going to|safe)\b|\bnot tonight\b|haven'?t got a plan|wouldn'?t (?:do|actually)"
)
_PERSON_RE = re.compile(
    r"\bmy (?:\w+ )?(brother|sister|mum|mom|mother|dad|father|friend|best friend|mate|neighbou?r|flatmate|roommate|auntie|aunt|uncle|cousin|wife|husband|partner|girlfriend|boyfriend|son|daughter|grandma|gran|nan|grandmother|teacher|doctor|brother-in-law|sister-in-law|therapist|nurse|colleague)\b"
)
_MAY_BE_THE_DANGER = frozenset(
    {
        "mum",
        "mom",
        "mother",
        "dad",
        "father",
        "husband",
        "wife",
        "partner",
        "boyfriend",
        "girlfriend",
        "brother",
        "uncle",
        "son",
    }
)


def said(danger: Danger, text: str, replies: Sequence[str], region: str | None) -> str:
    """The next thing to say. `replies`: ours since the crisis began, oldest first; `region`: ISO 3166 country."""
    place = HELP.get((region or "").upper(), ANYWHERE)
    choices = FIRST[danger] if not replies else _answers(danger, text.lower().replace("’", "'").strip())
    texts = [_filled(choice, text, place) for choice in choices]
    return min(texts, key=lambda choice: _last(choice, replies))


def foreign(language: str, replies: Sequence[str], region: str | None) -> str:
    """The same in another language, step by step."""
    place = HELP.get((region or "").upper())
    texts = FOREIGN[language]
    steps = texts.steps_with if place else texts.steps
    chosen = [step.format(line=place.number, emergency=place.emergency) if place else step for step in steps]
    return min(chosen, key=lambda step: _last(step, replies))


def _answers(danger: Danger, text: str) -> tuple[str, ...]:
    """Fitting texts, best first; the general ones of this danger come last."""
    found: list[str] = []
    if _COMING_RE.search(text):
        found += COMING
    if _SAY_RE.search(text):
        found += WHAT_TO_SAY
    if _STRANGER_RE.search(text):
        found += NOT_A_STRANGER
    if danger in (Danger.SELF, Danger.TO_SOMEBODY) and _MEANS_RE.search(text):
        found += MEANS
    person = _PERSON_RE.search(text)
    if person and not (danger is not Danger.SELF and person[1] in _MAY_BE_THE_DANGER):
        found += SOMEBODY
    if danger is Danger.SELF and _NOT_RE.search(text):
        found += NOT_NOW
    elif danger is Danger.SELF and _TONIGHT_RE.search(text):
        found += TONIGHT
    return (*found, *NEXT[danger])


def _filled(choice: str, text: str, place: Help) -> str:
    person = _PERSON_RE.search(text.lower())
    emergency = place.emergency
    return choice.format(
        line=place.line,
        emergency=emergency,
        Emergency=emergency[:1].upper() + emergency[1:],
        person=person[1] if person else "friend",
    )


def _last(text: str, replies: Sequence[str]) -> int:
    """How lately it was said, as far as it was heard; -1 for never."""
    return max((index for index, reply in enumerate(replies) if text[:HEARD_CHARS] in reply), default=-1)

"""Facts worth keeping, out of what a person said. Pure, by rules, and rather too few than a wrong one.

A fact is a statement of the person's own, word for word but for who speaks ("I work at a bakery" -> "works at a
bakery"); nothing is inferred. The appraisal only weighs: what a strong feeling was about matters more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from ...models.base import Appraisal
from ...models.labels import Risk
from . import lexicon as lex
from .clauses import statements
from .wording import of_person, of_theirs


class Kind(StrEnum):
    NAME = "name"
    PERSON = "person"
    WORK = "work"
    PLACE = "place"
    HEALTH = "health"
    EVENT = "event"
    PLAN = "plan"
    PREFERENCE = "preference"
    WISH = "wish"
    """How they want to be spoken with."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is kept; `importance` in 0..1, `timed` where it speaks of a day that passes."""

    kind: Kind
    text: str
    importance: float
    timed: bool = False


WEIGHTS = {
    Kind.NAME: 0.9,
    Kind.WISH: 0.9,
    Kind.EVENT: 0.7,
    Kind.PLAN: 0.7,
    Kind.HEALTH: 0.7,
    Kind.PERSON: 0.6,
    Kind.WORK: 0.5,
    Kind.PLACE: 0.4,
    Kind.PREFERENCE: 0.4,
}
FELT = 0.2
"""Added where the turn's appraisal says that this mattered."""
SHORTEST_WORDS = 2

_ADVERB = r"(?:(?:just|finally|still|really|also|already|recently|now) )?"
_I = rf"^I {_ADVERB}"
_IM = r"^I(?:'m| am) (?:(?:just|finally|still|also|already|now) )?"
_HAVE = r"^I(?:'ve| have)(?: got)? "
_VAGUE = (
    r"(?!(?:it|you|him|her|them|that|this|these|those|when|how|what|who|the|every|all|any|some|everything|everyone|"
)
_VAGUE += r"people|myself|my life|being|doing|having|working|chapter)\b)"
_LOSS = r"(?:job|baby|house|home|licence|license|business|(?:best )?friend)"
_RELATIVE_DOES = (
    r"(?: (?:just|finally|still|recently|also))?(?:"
    r" (?:died|passed away|was diagnosed|lives|works|emigrated|moved|left (?:me|us|him|her)|got (?:engaged|married|divorced|"
    r"diagnosed|sacked|fired|promoted)|starts|graduates|graduated|retired|was born|can't walk|"
    r"doesn't (?:talk|speak) to me|won't (?:talk|speak) to me|turns?|turned)\b"
    r"| had (?:a|an|his|her) (?:stroke|baby|operation|heart attack|accident|fall|miscarriage)\b"
    rf"| (?:has|has got) (?:{lex.CONDITION}|a stammer|a new baby|a tumour|a tumor)\b"
    r"|(?: is|'s| are|'re) (?:in (?:hospital|prison|jail|a coma|a home|a hospice|care|the army|rehab|labour)|at uni|at university|"
    r"pregnant|deaf|blind|ill|dying|dead|autistic|getting (?:married|divorced)|having a baby|moving|emigrating|"
    r"recovering|expecting|starting|turning|leaving for|a (?:\w+ )?" + lex.CALLING + r")\b)"
)

_OCCASION = re.compile(
    rf"(?<!had )\bmy (?:\w+ ){{0,2}}?{lex.OCCASION}(?: (?:at|with|for)(?: \w+){{1,3}}?)? {lex.TIME}\b", re.IGNORECASE
)

Wording = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Rule:
    kind: Kind
    pattern: re.Pattern[str]
    wording: Wording = of_person


def _rule(kind: Kind, pattern: str, wording: Wording = of_person) -> Rule:
    return Rule(kind, re.compile(pattern, re.IGNORECASE), wording)


def _quoted(clause: str) -> str:
    return f'said "{clause}"'


def _expanded(clause: str) -> str:
    """ "My son's in prison" -> "son is in prison"."""
    return re.sub(r"^([^']+)'s\b(?! name)", r"\1 is", of_theirs(clause))


def _occasion(clause: str) -> str:
    """The occasion alone: "I'm dreading my interview on Friday" -> "interview on Friday"."""
    match = _OCCASION.search(clause)
    return of_theirs(match.group()) if match else clause


RULES = (
    _rule(Kind.WISH, r"^(?:don't|do not|never|stop) (?:call|calling|tell|telling|give|giving) me\b.{3,}", _quoted),
    _rule(Kind.PLAN, rf"{_HAVE}(?:a|an|my|the|another) (?:\w+ ){{0,3}}{lex.OCCASION}\b.*\b{lex.TIME}\b"),
    _rule(
        Kind.PLAN,
        rf"{_IM}(?:starting|moving|flying|getting married|having|seeing|sitting|graduating|running|performing|speaking|"
        rf"visiting|meeting|retiring|emigrating)\b.*\b{lex.TIME}\b",
    ),
    _rule(Kind.PLAN, rf"{_I}(?:start|fly|move|graduate|retire|have|sit|turn)\b.*\b{lex.TIME}\b"),
    _rule(Kind.PLAN, rf"^my (?:\w+ ){{0,2}}{lex.OCCASION}(?:'s| is| are|'re) .*\b{lex.TIME}\b", _expanded),
    _rule(Kind.HEALTH, rf"{_HAVE}(?:been diagnosed with|{lex.CONDITION})\b"),
    _rule(Kind.HEALTH, rf"{_I}(?:was|got) diagnosed\b"),
    _rule(Kind.HEALTH, rf"{_IM}(?:allergic to \w+|in recovery|\w+ (?:weeks|months) (?:pregnant|sober|clean))\b"),
    _rule(Kind.HEALTH, rf"{_I}had (?:a|an) (?:miscarriage|stroke|heart attack|breakdown|operation|transplant)\b"),
    _rule(
        Kind.EVENT,
        rf"{_I}(?:lost my {_LOSS}|got (?:fired|sacked|laid off|promoted|engaged|married|divorced|evicted|the job|made redundant|"
        r"my (?:licence|license|degree)|into \w+)|was made redundant|passed my \w+|failed my \w+|quit my job|left my "
        r"(?:job|husband|wife|partner)|broke up with|split up with|retired|graduated|gave birth|adopted (?:a|an|my)|"
        r"came out to|proposed to)\b",
    ),
    _rule(Kind.EVENT, rf"{_IM}getting (?:married|divorced|evicted)\b"),
    _rule(Kind.EVENT, r"^we(?:'re)? (?:just )?(?:broke up|split up|got (?:engaged|married)|having a baby|getting (?:married|divorced)"
          r"|lost the baby|adopted)\b", _quoted),
    _rule(Kind.PERSON, rf"^my {lex.RELATION}(?:,? [A-Z]\w+,?)?{_RELATIVE_DOES}", _expanded),
    _rule(
        Kind.PERSON,
        rf"{_HAVE}(?:a|an|one|two|three|four|five|no|\d) (?!mother|father|mum|mom|dad|friend|manager|boss)(?:\w+ )?{lex.RELATION}s?\b"
        r"(?! (?:who|that|to|of|in|on|and|here)\b)",
    ),
    _rule(Kind.WORK, rf"{_I}work (?:at|as|in|for|with|nights|days|shifts|from home|on an?|two jobs|three jobs)\b"),
    _rule(Kind.WORK, rf"{_I}teach \w+"),
    _rule(Kind.WORK, rf"{_I}drive (?:an? (?!hour)|the |taxi|lorries|trucks|buses)"),
    _rule(Kind.WORK, rf"{_I}(?:run|manage|own) (?:a|an|my own|our) (?!marathon|bath|fever|temperature|risk|race|tight)\w+"),
    _rule(Kind.WORK, rf"{_I}stud(?:y|ied) (?!twice|hard|all|every|so|for|and|the|at|till|until)\w+"),
    _rule(Kind.WORK, rf"{_IM}(?:studying (?!till|until|for|hard|all|so|at)|training (?:to be|as|for) |learning )\w+"),
    _rule(Kind.WORK, rf"{_IM}(?:an? |the )(?:(?!bad|terrible|good|rubbish|horrible|useless)\w+ ){{0,2}}{lex.CALLING}\b"),
    _rule(Kind.PERSON, rf"{_IM}{lex.STATE}\b(?![- ](?:to|in|handed))"),
    _rule(Kind.PERSON, rf"{_IM}{lex.NUMBER}(?: years old| today| tomorrow)?$"),
    _rule(Kind.PLACE, rf"{_I}live (?:in|on|with|alone|near|by|at|above|next)\b"),
    _rule(Kind.PLACE, rf"{_I}grew up (?:in|by|on|near|with)\b"),
    _rule(Kind.PLACE, rf"{_I}moved (?:here|to|back|out of|in with|away from|from)\b"),
    _rule(Kind.PLACE, r"^I(?:'m| am) from (?!the |a |my )\w+"),
    _rule(Kind.PREFERENCE, rf"{_I}(?:love|hate|adore|can't stand|enjoy|prefer) {_VAGUE}\w+(?: \w+){{0,4}}$"),
    _rule(Kind.PREFERENCE, rf"{_I}like (?!to |it|you|him|her|them|that|this|when|how|what)\w+(?: \w+){{0,4}}$"),
    _rule(Kind.PREFERENCE, rf"{_I}(?:don't|never) (?:drink|smoke|drive|eat (?:meat|fish|pork|dairy|gluten|sugar))$"),
    _rule(Kind.PREFERENCE, rf"{_I}(?:play|speak|collect|breed|volunteer) (?!with|along|dead|for|up|to)\w+"),
    _rule(Kind.PREFERENCE, r"^my favou?rite \w+(?: \w+)? (?:is|are) \w+", of_theirs),
    Rule(Kind.PLAN, _OCCASION, _occasion),
)  # fmt: skip
"""In order: the first that fits a statement decides."""

_NAMED = re.compile(
    r"^(?:[Mm]y name(?:'s| is)|(?:[Yy]ou can |[Pp]eople |[Ee]veryone )?[Cc]alls? me) ([A-Z][\w'-]+)(?: again)?$"
)
_RELATIVE_NAMED = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur) ({lex.RELATION})(?:,|'s called| is called|'s name is| called|)? ([A-Z][a-z]+)\b"
)
_NO_NAMES = (
    "God Christ Jesus Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July "
    "August September October November December Christmas Easter English Mum Mom Dad Mama Papa Nan Gran Grandma Grandpa "
    "Mummy Daddy Sir Mr Mrs Ms Dr I"
)
_NOT_NAMES = frozenset(_NO_NAMES.split())
_TIMED = re.compile(rf"\b(?:{lex.TIME}|yesterday|last \w+|ago|now|{lex.WEEKDAY}|{lex.MONTH})\b", re.IGNORECASE)
_TO_US = re.compile(r"\b(?:you|your|yours)\b", re.IGNORECASE)


def extract(text: str, appraisal: Appraisal | None = None) -> list[Fact]:
    """Facts of one turn, in the order in which they were said. Nothing of a crisis is kept."""
    if appraisal is not None and appraisal.risk is Risk.CRISIS:
        return []
    found: dict[str, Fact] = {}
    for clause in statements(text):
        for fact in _of(clause):
            found.setdefault(fact.text.lower(), _weighed(fact, clause, appraisal))
    return list(found.values())


def _of(clause: str) -> Iterator[Fact]:
    if (named := _NAMED.match(clause)) and named[1] not in _NOT_NAMES:
        yield Fact(Kind.NAME, f"is called {named[1]}", WEIGHTS[Kind.NAME])
        return
    rule = _rule_for(clause)
    if rule is not None:
        text = rule.wording(clause)
        if len(text.split()) >= SHORTEST_WORDS:
            yield Fact(rule.kind, text, WEIGHTS[rule.kind], _TIMED.search(text) is not None)
    elif (relative := _RELATIVE_NAMED.search(clause)) and relative[2] not in _NOT_NAMES:
        yield Fact(Kind.PERSON, f"{relative[1].lower()} is called {relative[2]}", WEIGHTS[Kind.PERSON])


def _rule_for(clause: str) -> Rule | None:
    fitting = next((rule for rule in RULES if rule.pattern.search(clause)), None)
    if fitting is None or (fitting.kind is not Kind.WISH and _TO_US.search(clause)):
        return None
    return fitting


def _weighed(fact: Fact, clause: str, appraisal: Appraisal | None) -> Fact:
    """What a strong feeling was about weighs more."""
    if appraisal is None or appraisal.intensity < 2:
        return fact
    about = set(re.findall(r"\w{4,}", appraisal.cause.lower()))
    if not about & set(re.findall(r"\w{4,}", clause.lower())):
        return fact
    return replace(fact, importance=min(1.0, fact.importance + FELT))

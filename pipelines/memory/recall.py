"""Which one thing to bring up, if any: by likeness to what was said, by weight, by time. Pure.

People who know somebody do not recite; they mention one thing, when it bears on what is said, or when the other
comes back and something was about to happen. A fact out of place is worse than one not brought
up: lower bounds (also only for facts that share a word with what was said) doubled those out of place on the corpus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from .facts import Kind
from .kept import Kept

ALIKE = 0.38
"""Cosine of all-MiniLM-L6-v2 from which a fact bears on what was said."""
ALIKE_BY_NAME = 0.15
"""The same where both name the same person, animal or place."""
IMPORTANCE = 0.15
FRESHNESS = 0.10
FRESH_DAYS = 30.0
"""A fact's freshness halves in this time."""
RECENTLY_DAYS = 1.0
RECENTLY = 0.15
"""Taken off what was brought up within the last day."""
COMING_DAYS = 30.0
"""A plan this old is still asked about when its person comes back."""
DAY_S = 86_400.0
GREETING_WORDS = 9

_GREETING = re.compile(
    r"\b(?:hi|hello|hey|hiya|morning|evening|afternoon|salaam|hola|me again|i'm back|it's me|back again)\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:remember (?:me|who|what|my|anything)|do you (?:still )?(?:know|remember)|what do you know about me)\b",
    re.IGNORECASE,
)
_NAMES = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+\b")


def choose(
    facts: Sequence[Kept],
    query: NDArray[np.float32],
    text: str,
    *,
    begins: bool,
    now: float,
    conversation: str = "",
    used: Collection[str] = (),
) -> Kept | None:
    """The fact to bring up. What was said in this same conversation, or brought up in it, is not news."""
    open_to = [f for f in facts if f.kind is not Kind.NAME and f.conversation != conversation and f.id not in used]
    if not open_to:
        return None
    if _ASKED.search(text):
        return max(open_to, key=lambda f: _weight(f, now))
    if begins and len(text.split()) <= GREETING_WORDS and _GREETING.search(text):
        return max((f for f in open_to if _pending(f, now)), key=lambda f: f.said_at, default=None)
    names = {name.lower() for name in _NAMES.findall(text)}
    scored = [(_likeness(f, query), f) for f in open_to]
    fitting = [(likeness + _weight(f, now), f) for likeness, f in scored if likeness >= _least(f, names)]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _likeness(fact: Kept, query: NDArray[np.float32]) -> float:
    """Cosine; facts embedded by another model are like nothing."""
    alike: np.float32 = np.vdot(fact.vector, query) if fact.vector.shape == query.shape else np.float32(0)
    return float(alike)


def name_of(facts: Sequence[Kept]) -> str | None:
    """What the person wants to be called."""
    named = [fact for fact in facts if fact.kind is Kind.NAME]
    return named[-1].text.removeprefix("is called ").strip() if named else None


def told(fact: Kept, now: float) -> str:
    """The fact as the chat model gets it: "tomorrow" is only true with the day on which it was said."""
    days = int((now - fact.said_at) / DAY_S)
    if not fact.timed or days < 1:
        return fact.text
    return f"{fact.text}, said {_ago(days)}"


def _ago(days: int) -> str:
    if days == 1:
        return "yesterday"
    if days < 14:
        return f"{days} days ago"
    return f"{days // 7} weeks ago" if days < 60 else f"{days // 30} months ago"


def _least(fact: Kept, names: set[str]) -> float:
    known = {name.lower() for name in re.findall(r"\b[A-Z][a-z]+\b", fact.text)}
    return ALIKE_BY_NAME if names & known else ALIKE


def _weight(fact: Kept, now: float) -> float:
    freshness = math.exp2(-max(0.0, now - fact.said_at) / DAY_S / FRESH_DAYS)
    recently = fact.recalled_at is not None and now - fact.recalled_at < RECENTLY_DAYS * DAY_S
    return IMPORTANCE * fact.importance + FRESHNESS * freshness - (RECENTLY if recently else 0.0)


def _pending(fact: Kept, now: float) -> bool:
    """Something was about to happen, or had just happened."""
    return fact.kind in (Kind.PLAN, Kind.EVENT, Kind.HEALTH) and now - fact.said_at < COMING_DAYS * DAY_S

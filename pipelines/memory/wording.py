"""A person's own statement as others would note it: "I work at a bakery" -> "works at a bakery". Pure.

Nothing is added and nothing left out: only who speaks changes, and the first verb with it.
"""

from __future__ import annotations

import re

_REGULAR = (
    "work live drive run love like hate prefer enjoy adore start play keep manage own speak collect volunteer sing "
    "paint write grow move leave graduate retire sit see meet take get turn need breed"
)
THIRD = {verb: f"{verb}s" for verb in _REGULAR.split()} | {
    "teach": "teaches",
    "study": "studies",
    "fly": "flies",
    "coach": "coaches",
    "have": "has",
    "do": "does",
    "don't": "doesn't",
    "am": "is",
    "miss": "misses",
    "go": "goes",
}
"""First person to third, for the verbs that facts begin with; any other (past tenses, "can't") stays."""

_ADVERBS = ("just", "finally", "still", "really", "also", "already", "recently", "only", "never", "actually", "now")
_SUBJECT = re.compile(r"^I(?:'m|'ve|'ll)?\b", re.IGNORECASE)
_CONTRACTED = {"i'm": "is", "i've": "has", "i'll": "will", "i": ""}
_PRONOUNS = {
    "i was": "they were",
    "i am": "they are",
    "i'm": "they're",
    "i've": "they've",
    "i'll": "they'll",
    "i'd": "they'd",
    "i": "they",
    "me": "them",
    "my": "their",
    "mine": "theirs",
    "myself": "themselves",
    "we": "they",
    "we're": "they're",
    "us": "them",
    "our": "their",
    "ours": "theirs",
}
_OWN = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, _PRONOUNS), key=len, reverse=True)) + r")\b", re.IGNORECASE)


def of_person(clause: str) -> str:
    """A clause that begins with "I", "I'm", "I've" or "I'll", without its subject, in the third person."""
    match = _SUBJECT.match(clause)
    if match is None:
        raise ValueError(f"not a statement in the first person: {clause!r}")
    contracted, rest = _CONTRACTED[match.group().lower()], clause[match.end() :].strip()
    if contracted:
        return f"{contracted} {others(rest)}"
    first, _, after = rest.partition(" ")
    adverb = ""
    if first.lower() in _ADVERBS:
        adverb = f"{first.lower()} "
        first, _, after = after.partition(" ")
    return f"{adverb}{THIRD.get(first.lower(), first)} {others(after)}".strip()


def of_theirs(clause: str) -> str:
    """A clause that begins with "my": what is theirs, without saying whose."""
    return others(re.sub(r"^(?:my|our)\s+", "", clause, flags=re.IGNORECASE))


def others(text: str) -> str:
    """First-person pronouns as those of somebody else."""
    return _OWN.sub(lambda match: _PRONOUNS[match.group().lower()], text)

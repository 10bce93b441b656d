"""What a person said, cut into plain statements of theirs: no questions, guesses, or words of others. Pure."""

from __future__ import annotations

import re

LONGEST_WORDS = 16
"""A statement longer than this is a story, not a fact."""

_SENTENCE = re.compile(r"[^.!?;…]+[.!?;…]*")
_JOINTS = re.compile(
    r",?\s+(?:but|because|cos|so|though|although|except|which)\s+|,\s+and\s+|\s+and\s+(?=(?:today|now|somebody|someone)\b)"
    r"|,\s*(?=now\b)"
    r"|,\s*(?:and\s+)?(?=(?:I|I'm|I've|I'll|my|we|we're|he|she|they|it|it's)\b)"
    r"|\s+and\s+(?=(?:then\s+)?(?:I|I'm|I've|I'll|my|we|we're|he|she|they|it|it's)\b)",
    re.IGNORECASE,
)
_FILLERS = re.compile(
    r"^(?:(?:um+|uh+|er+|ah|oh|oh my god|oh my gosh|god|well|so|yeah|yes|yep|no|nah|okay|ok|right|look|listen|see|hi|hello|"
    r"hey|honestly|actually|basically|anyway|also|plus|and|then|but|like|you know|i mean|the thing is|i'm telling you|"
    r"guess what|to be honest|please|remember that|don't forget(?: that)?|just so you know|by the way|for what it's worth)\b[,:\s-]*)+",
    re.IGNORECASE,
)
_STAMMER = re.compile(r"\b(\w+(?:'\w+)?)(?:-|,|\.\.\.)\s+(?=\1\b)", re.IGNORECASE)
_INNER_FILLER = re.compile(r",?\s*\b(?:um+|uh+|er+|ah|you know|i mean)\b,?(?=\s|$)", re.IGNORECASE)
_REPORTED = re.compile(
    r"\b(?:said|says|saying|goes|went|like|asked|asks|told me|thought|thinking|think|reckons?|joked?|quote|heard|sings?|"
    r"wrote|writes|read|reads|text(?:ed|s)?|lied|pretend(?:ed|ing)?|dream(?:ed|t|ing)?|tell|telling)$",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:if|would|could|might|maybe|perhaps|wish|dream|dreamt|dreamed|imagine|pretend|joking|kidding|almost|nearly|"
    r"unless|should|supposed|whether|probably|suppose|hope|once upon)\b",
    re.IGNORECASE,
)


def statements(text: str) -> list[str]:
    """Clauses that the person states of their own, in order, without fillers; each a span but for stammers."""
    found: list[str] = []
    for match in _SENTENCE.finditer(text.replace("’", "'")):
        sentence = match.group()
        if "?" in sentence or '"' in sentence or "“" in sentence:
            continue
        found += _clauses(sentence.rstrip(".!;… "))
    return found


def _clauses(sentence: str) -> list[str]:
    found: list[str] = []
    reported = False
    for piece in _JOINTS.split(" ".join(sentence.split())):  # long runs of spaces would take the patterns long
        clause = cleaned(piece)
        if clause and not reported and not _UNSURE.search(clause) and len(clause.split()) <= LONGEST_WORDS:
            found.append(clause)
        reported = reported or _REPORTED.search(piece.strip(" ,")) is not None
    return found


def cleaned(clause: str) -> str:
    """Without stammers, and without what only fills time."""
    clause = _STAMMER.sub("", clause.strip(" ,-"))
    clause = _INNER_FILLER.sub("", _FILLERS.sub("", clause))
    return " ".join(clause.split()).strip(" ,-")

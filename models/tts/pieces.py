"""A text in pieces short enough for a synthesizer, cut where a speaker would breathe. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 220
"""Characters: some fifteen seconds of speech."""
_PLACES = (re.compile(r"[.!?…][\"'”’)]*\s+"), re.compile(r"[,;:—–]\s*"), re.compile(r"\s+"))
"""Sentences' ends, clauses' ends, spaces: in this order."""


def pieces(text: str, longest: int = LONGEST) -> Iterator[str]:
    """Pieces that put together are the text, none longer than `longest`."""
    while len(text) > longest:
        cut = next((at for place in _PLACES if (at := _last(place, text, longest))), longest)
        yield text[:cut]
        text = text[cut:]
    if text:
        yield text


def _last(place: re.Pattern[str], text: str, longest: int) -> int:
    """The last such place in the second half of what may be taken, else 0."""
    ends = [match.end() for match in place.finditer(text, 0, longest)]
    return ends[-1] if ends and ends[-1] > longest // 3 else 0

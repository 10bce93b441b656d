"""The words that carry the feeling: the stretch of what was said that speaks most for the emotion. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_WORDS = 8
_CLAUSE = re.compile(r"[^,.;:!?\u2014]+")


def span(text: str, offsets: Sequence[tuple[int, int]], contributions: Sequence[float]) -> str:
    """At most eight words: the clause whose tokens contribute most, and of a long one the best stretch.

    Contributions are the tokens' shares of the emotion's logit; a sentence vector is the mean of its
    tokens', so with a linear head these shares are exact, not an estimate.
    """
    clauses = [match.span() for match in _CLAUSE.finditer(text) if match.group().strip()]
    if not clauses:
        return ""
    start, end = max(clauses, key=lambda clause: _within(clause, offsets, contributions))
    words = [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", text[start:end])]
    count = min(LONGEST_WORDS, len(words))
    windows = [(words[i][0], words[i + count - 1][1]) for i in range(len(words) - count + 1)]
    best = max(windows, key=lambda window: _within(window, offsets, contributions))
    return text[best[0] : best[1]].strip().lower()


def _within(window: tuple[int, int], offsets: Sequence[tuple[int, int]], contributions: Sequence[float]) -> float:
    start, end = window
    return sum(share for (a, b), share in zip(offsets, contributions, strict=True) if a >= start and b <= end)

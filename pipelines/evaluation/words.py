"""Word error rate, and the normalisation of text that makes it fair. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from num2words import num2words

_CONTRACTED = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "etc": "et cetera", "ok": "okay"}
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NOT_A_WORD = re.compile(r"[^a-z0-9' ]+")


def normalized(text: str) -> list[str]:
    """Words in lower case, without punctuation, with numbers and common titles spelled out."""
    spelled = _NUMBER.sub(lambda match: f" {_spoken(match.group())} ", text.lower())
    words = _NOT_A_WORD.sub(" ", spelled.replace("’", "'")).split()
    expanded = " ".join(_CONTRACTED.get(word, word) for word in words)
    return expanded.split()


def _spoken(number: str) -> str:
    return str(num2words(float(number.replace(",", "")) if "." in number else int(number.replace(",", ""))))


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Substitutions, deletions and insertions between two word lists (Levenshtein)."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, got in enumerate(hypothesis, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (wanted != got))
    return row[-1]

"""Which words of a growing transcript will stay: those on which two decodes in a row agree.

LocalAgreement-2 (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection"). Pure.
"""

from __future__ import annotations

from dataclasses import replace

from ...models.base import Transcript


class Agreement:
    """Feed successive decodes of the same, growing turn; what was once stable never changes."""

    def __init__(self) -> None:
        self._previous: list[str] = []
        self._stable: list[str] = []

    @property
    def stable(self) -> str:
        return " ".join(self._stable)

    def update(self, transcript: Transcript) -> Transcript:
        """The transcript with its stable words in front, and how many characters of it are stable."""
        words = transcript.text.split()
        agreed = _common_prefix(self._previous, words)
        self._previous = words
        if agreed > len(self._stable) and _same(words[: len(self._stable)], self._stable):
            self._stable += words[len(self._stable) : agreed]
        rest = words[len(self._stable) :]
        text = " ".join([*self._stable, *rest])
        return replace(transcript, text=text, stable_chars=len(self.stable))


def _common_prefix(a: list[str], b: list[str]) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if _plain(x) != _plain(y):
            break
        count += 1
    return count


def _same(a: list[str], b: list[str]) -> bool:
    return [_plain(word) for word in a] == [_plain(word) for word in b]


def _plain(word: str) -> str:
    return word.strip(".,!?;:…\"'-").lower()

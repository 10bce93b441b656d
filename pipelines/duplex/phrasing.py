"""Cuts a growing reply into phrases to be spoken: the first one short, so that speech begins early. Pure.

The phrases put together are the text, letter for letter. A cut lies only where a speaker may breathe: after
a sentence, or after a clause that does not hang on the next word.
"""

from __future__ import annotations

import re

FIRST_WORDS = 3
"""Words that the first phrase has at least, unless its sentence is shorter."""
FIRST_LONGEST = 12
"""Words after which the first phrase is cut at the next clause or, failing that, conjunction."""
LONGEST_WORDS = 28
"""Words after which any phrase is cut at a clause."""

ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st jr sr vs etc approx dept est e.g i.e a.m p.m no inc ltd co u.s u.k".split()  # noqa: SIM905
)
_SENTENCE = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’)\]]*(?=\s)")
_CLAUSE = re.compile(r"(?:[,;:]|\s[–—-])(?=\s)|—")
_JOINT = re.compile(r"\s(?=(?:and|but|so|because|when|if|while|that|which|who)\s)", re.IGNORECASE)


class Phraser:
    """Feed pieces of text; complete phrases come out, the rest at the end. `whole` keeps it in one piece."""

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        self._text += text
        phrases: list[str] = []
        while not self._whole and (cut := self._cut()):
            phrases.append(self._text[:cut])
            self._text = self._text[cut:]
            self._first = False
        return phrases

    def end(self) -> list[str]:
        """What is left, as the last phrase."""
        rest, self._text = self._text, ""
        return [rest] if rest.strip() else []

    def _cut(self) -> int:
        """Where the next phrase ends, 0 while that is not known."""
        sentence = next((m.end() for m in _SENTENCE.finditer(self._text) if self._ends_sentence(m)), 0)
        early = self._early_cut(sentence or len(self._text))
        return self._with_space(early or sentence)

    def _early_cut(self, limit: int) -> int:
        """A clause's end before `limit`, where the phrase may end early."""
        fewest = FIRST_WORDS if self._first else LONGEST_WORDS
        for match in _CLAUSE.finditer(self._text, 0, limit):
            rest = self._text[match.end() : limit].split()
            if _words(self._text[: match.end()]) >= fewest and len(rest) >= (2 if self._first else 4):
                return match.end()
        longest = FIRST_LONGEST if self._first else LONGEST_WORDS + 6
        for match in _JOINT.finditer(self._text, 0, limit):
            if _words(self._text[: match.start()]) >= longest and len(self._text[match.end() : limit].split()) >= 3:
                return match.start()
        return 0

    def _ends_sentence(self, match: re.Match[str]) -> bool:
        before = self._text[: match.start()].split()
        if not before or self._text[match.start()] != ".":
            return bool(before)
        word = before[-1].lower().lstrip("(\"'")
        initial = len(word) == 1 and word.isalpha() and word not in ("i", "a") and before[-1].isupper()
        after = self._text[match.end() :].lstrip()[:1]
        return word not in ABBREVIATIONS and not initial and after != "" and not after.islower()

    def _with_space(self, cut: int) -> int:
        """The cut moved behind the white space that follows, so that phrases begin with a word."""
        while 0 < cut < len(self._text) and self._text[cut].isspace():
            cut += 1
        return cut if cut < len(self._text) else 0


def _words(text: str) -> int:
    return len(text.split())

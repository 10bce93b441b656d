"""The last look at a reply before it is spoken: a streaming filter over the chat model's text. Pure.

Text leaves clause by clause, so that speech may begin early; a sentence that must not be said stops the
reply where it begins. Letters are taken one by one, so what comes out cannot depend on how they came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...models.base import PastTurn
from .grounding import unfounded
from .unfit import unfit

CLOSERS = {"<": ">", "[": "]", "{": "}", "(": ")"}
LONGEST_MARKUP = {"<": 80, "[": 200, "{": 80, "(": 24}
"""Characters that markup may have; what goes on for longer was text."""
THINKING, THOUGHT = "<think>", "</think>"
_MARKS = frozenset("*_#`~|^<>[]{}")
_LINK = re.compile(r"https?://\S+")
_UNSPEAKABLE = re.compile(
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2600-\u27bf\ufe0f\u200d\u0000-\u0008\u000b-\u001f\u007f]"
)
_CLAUSE_END = re.compile(r"[,;:.!?…]+[\"'”’)]*\s$")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)]*$")
_ROLE = re.compile(r"^\s*(?:assistant|listener|ai|system|user|reply|response)\s*:\s*", re.IGNORECASE)
FEWEST_WORDS_TO_REPEAT = 4


class Markup:
    """Takes tags, stage directions and marks out of a stream of letters."""

    def __init__(self) -> None:
        self._pending = ""

    def take(self, letter: str) -> str:
        """What of the text so far is known to be plain, beyond what was given before."""
        if not self._pending:
            if letter in CLOSERS:
                self._pending = letter
                return ""
            return "" if letter in _MARKS else letter
        self._pending += letter
        if self._pending.startswith(THINKING):
            if self._pending.endswith(THOUGHT):
                self._pending = ""
            return ""
        opener = self._pending[0]
        if letter == CLOSERS[opener]:
            self._pending = ""
            return " "
        return self._reread() if len(self._pending) > LONGEST_MARKUP[opener] else ""

    def end(self) -> str:
        """What is left; markup that never ended is no speech, but what stood in a parenthesis is."""
        left = ""
        while self._pending:
            if self._pending[0] != "(":
                self._pending = ""
            else:
                left += self._reread()
        return left

    def _reread(self) -> str:
        """It was no markup: go on behind its opener, which stays unless it is a mark."""
        opener, rest = self._pending[0], self._pending[1:]
        self._pending = ""
        return ("" if opener in _MARKS else opener) + "".join(self.take(letter) for letter in rest)


class Guard:
    """Feed pieces of the reply, say what comes out; `done` means that nothing more will come.

    `known` is all that was said so far: relatives that nobody mentioned are not spoken of; "" lets any pass.
    """

    def __init__(
        self,
        *,
        past: Sequence[PastTurn] = (),
        heard: str = "",
        opener: str = "",
        known: str = "",
        max_sentences: int = 2,
        max_words: int = 40,
    ) -> None:
        self._markup = Markup()
        self._clause = ""
        self._sentence = ""
        self._said = {plain(sentence) for turn in past[-2:] for sentence in _sentences(turn.reply)}
        self._said |= {plain(heard), plain(opener)}
        self._known = known
        self._sentences = self._words = 0
        self._most = max_sentences, max_words
        self._spaced = True
        self.done = False

    def feed(self, text: str) -> str:
        """The part of the reply that is now known to be fit to be spoken."""
        out = ""
        for letter in text:
            out += self._take(self._markup.take(letter))
        return out

    def end(self) -> str:
        """The rest, once the chat model has finished; a sentence without an end gets its full stop."""
        out = self._take(self._markup.end())
        if not self.done and self._clause.strip():
            out += self._judged(self._clause)
        self.done = True
        said = out.rstrip()
        return f"{said}." if said and said[-1].isalnum() else out

    def _take(self, letters: str) -> str:
        out = ""
        for letter in letters:
            if self.done:
                break
            self._clause += letter
            if letter.isspace() and _CLAUSE_END.search(self._clause[-12:]):
                out += self._judged(self._clause)
                self._clause = ""
        return out

    def _judged(self, clause: str) -> str:
        """A clause, if its sentence so far may be said."""
        clause = _tidy(_ROLE.sub("", clause) if not self._sentence else clause)
        clause = clause.lstrip() if self._spaced else clause
        if not any(letter.isalnum() for letter in clause):
            clause = clause if self._sentence else ""
        sentence = self._sentence + clause
        over = bool(_SENTENCE_END.search(clause.rstrip()))
        if self._unfit(sentence, over):
            self.done = True
            return ""
        self._sentence = "" if over else sentence
        self._spaced = clause.endswith(" ") if clause else self._spaced
        self._words += len(clause.split())
        if over:
            self._said.add(plain(sentence))
            self._sentences += 1
            most_sentences, most_words = self._most
            self.done = self._sentences >= most_sentences or self._words >= most_words
        elif self._words >= 2 * self._most[1]:
            self.done = True
        return clause

    def _unfit(self, sentence: str, over: bool) -> bool:
        if unfit(sentence) or (self._known and unfounded(sentence, self._known)):
            return True
        return over and self._repeats(sentence)

    def _repeats(self, sentence: str) -> bool:
        said = plain(sentence)
        return len(said.split()) >= FEWEST_WORDS_TO_REPEAT and said in self._said


def plain(text: str) -> str:
    """Words alone, to compare by."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if part]


def _tidy(text: str) -> str:
    """One kind of space, no emoji, no links, plain dashes."""
    spoken = _UNSPEAKABLE.sub("", _LINK.sub("", text)).replace(" - ", ", ").replace("—", ", ")
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.!?;:])", r"\1", spoken)).replace(",,", ",")

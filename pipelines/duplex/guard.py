"""The last look at a reply before it is spoken: a streaming filter over the chat model's text. Pure.

Text leaves clause by clause, so that speech may begin early; a sentence that must not be said stops the
reply where it begins. What comes out does not depend on how the text was cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...models.base import PastTurn
from .grounding import unfounded

_MARKUP = re.compile(
    r"<think>.*?</think>|<[^<>]{0,80}>|\[[^\[\]]{0,200}\]|\{[^{}]{0,80}\}|\([^()]{0,24}\)|[*_#`~|^<>\[\]{}]+|https?://\S+",
    re.DOTALL,
)
"""Tags, stage directions, markdown, links: nothing that a voice should say."""
_OPEN = re.compile(r"[<\[{(][^<>\[\]{}()]*$")
"""Markup that has begun and not ended yet."""
_UNSPEAKABLE = re.compile(
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2600-\u27bf\ufe0f\u200d\u0000-\u0008\u000b-\u001f\u007f]"
)
_CLAUSE_END = re.compile(r"[,;:.!?…]+[\"'”’)]*\s")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)]*$")
_ROLE = re.compile(r"^\s*(?:assistant|listener|ai|system|user|reply|response)\s*:\s*", re.IGNORECASE)
_FALSE_PAST = re.compile(
    r"\b(?:when i was (?:a |your |in |young|little|at )|i (?:once|also) (?:had|went|lost|felt)|i remember (?:when|my)|"
    r"my (?:own )?(?:wife|husband|mother|mom|mum|father|dad|son|daughter|kids|boss|dog|cat|childhood|brother|sister)\b|"
    r"as a (?:woman|man|mother|father|parent|human)|i(?:'ve| have) been (?:there|through (?:that|this|the same)))",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\b(?:i (?:detect|sense|can detect)(?:ed)? (?:that |some |a )?(?:sadness|anger|fear|joy|emotion|stress)|"
    r"your voice (?:indicates|shows|registers)|emotion (?:detected|label)|tactics?:|appraisal)\b",
    re.IGNORECASE,
)
_HOLLOW = re.compile(
    r"\b(?:i understand exactly how you feel|i know exactly how you feel|everything happens for a reason|"
    r"don't worry about it|look on the bright side|as an ai language model)\b",
    re.IGNORECASE,
)
FEWEST_WORDS_TO_REPEAT = 4


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
        self._raw = ""
        self._sentence = ""
        self._said = [plain(sentence) for turn in past[-2:] for sentence in _sentences(turn.reply)]
        self._heard = plain(heard)
        self._opener = plain(opener)
        self._known = known
        self._sentences = self._words = 0
        self._most = max_sentences, max_words
        self._spaced = True
        self.done = False

    def feed(self, text: str) -> str:
        """The part of the reply that is now known to be fit to be spoken."""
        if self.done:
            return ""
        self._raw += text
        clean, self._raw = _strip_markup(self._raw)
        out = ""
        while not self.done and (match := _CLAUSE_END.search(clean)):
            out += self._clause(clean[: match.end()])
            clean = clean[match.end() :]
        self._raw = clean + self._raw
        return out

    def end(self) -> str:
        """The rest, once the chat model has finished; a sentence without an end gets its full stop."""
        if self.done:
            return ""
        clean = _MARKUP.sub(" ", self._raw)
        out = self._clause(_tidy(clean)) if clean.strip() else ""
        self.done = True
        said = out.rstrip()
        return f"{said}." if said and said[-1].isalnum() else out

    def _clause(self, clause: str) -> str:
        """A clause, if its sentence so far may be said."""
        clause = _tidy(_ROLE.sub("", clause) if not self._sentence else clause)
        clause = clause.lstrip() if self._spaced else clause
        sentence = self._sentence + clause
        over = bool(_SENTENCE_END.search(clause.rstrip()))
        if self._unfit(sentence, over):
            self.done = True
            return ""
        self._sentence = "" if over else sentence
        self._spaced = clause.endswith(" ")
        self._words += len(clause.split())
        if over:
            self._said.append(plain(sentence))
            self._sentences += 1
            most_sentences, most_words = self._most
            self.done = self._sentences >= most_sentences or self._words >= most_words
        elif self._words >= 2 * self._most[1]:
            self.done = True
        return clause

    def _unfit(self, sentence: str, over: bool) -> bool:
        if any(pattern.search(sentence) for pattern in (_FALSE_PAST, _ANNOUNCED, _HOLLOW)):
            return True
        if self._known and unfounded(sentence, self._known):
            return True
        if not over:
            return False
        said = plain(sentence)
        long = len(said.split()) >= FEWEST_WORDS_TO_REPEAT
        return long and (said in self._said or said == self._heard or said == self._opener)


def plain(text: str) -> str:
    """Words alone, to compare by."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if part]


def _strip_markup(text: str) -> tuple[str, str]:
    """Text without its complete markup, and the tail that may yet become some."""
    pending = _OPEN.search(text)
    if pending and len(pending.group()) <= 200:
        return _MARKUP.sub(" ", text[: pending.start()]), text[pending.start() :]
    return _MARKUP.sub(" ", text), ""


def _tidy(text: str) -> str:
    """One kind of space, no emoji, plain dashes."""
    spoken = _UNSPEAKABLE.sub("", text).replace(" - ", ", ").replace("—", ", ")
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.!?;:])", r"\1", spoken)).replace(",,", ",")

"""The last look at a reply before it is spoken: a streaming filter over the chat model's text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...models.base import PastTurn


class Guard:
    """Feed pieces of the reply, say what comes out; `done` means that nothing more will come."""

    def __init__(
        self,
        *,
        past: Sequence[PastTurn] = (),
        heard: str = "",
        opener: str = "",
        max_sentences: int = 2,
        max_words: int = 40,
    ) -> None:
        self._buffer = ""
        self._max_sentences = max_sentences
        self.done = False

    def feed(self, text: str) -> str:
        """The part of the reply that is now known to be fit to be spoken."""
        self._buffer += text
        return ""

    def end(self) -> str:
        """The rest, once the chat model has finished."""
        self.done = True
        text = re.sub(r"\[[^\]]*\]?", "", self._buffer).strip()
        return " ".join(re.split(r"(?<=[.!?])\s+", text)[: self._max_sentences])

"""A deterministic chat model for tests and load runs: says its lines in turn, word by word."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence

from pydantic import BaseModel, ConfigDict

from ..base import ChatDelta, ChatOptions, Message
from ..store import Store

APPRAISAL = {
    "emotion": "neutral",
    "intensity": 1,
    "cause": "",
    "need": "be_heard",
    "conflict": False,
    "risk": "none",
    "tactics": ["paraphrasing"],
    "tone": "warm",
}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    replies: tuple[str, ...] = ("That sounds like a long day. What was the hardest part?",)
    """What is said; which one depends on how much was said before."""


class ScriptedChat:
    """Which line comes depends on the messages alone, so that sessions do not disturb each other."""

    def __init__(self, options: Options, store: Store) -> None:
        self._replies = options.replies

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta]:
        turn = sum(message.role == "user" for message in messages)
        text = json.dumps(APPRAISAL) if options.json_schema is not None else self._replies[turn % len(self._replies)]
        words = text.split(" ")
        said = words[: options.max_tokens]
        for index, word in enumerate(said):
            yield ChatDelta((" " if index else "") + word)
        finish = "stop" if len(said) == len(words) else "length"
        spoken = sum(len(message.content.split()) for message in messages)
        yield ChatDelta(finish=finish, prompt_tokens=spoken, completion_tokens=len(said))  # type: ignore[arg-type]

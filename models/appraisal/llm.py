"""Appraisal by the chat model itself: it fills a JSON schema. For models fast enough to think before they speak."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..base import Appraisal, ChatModel, ChatOptions, Cues, Message, Situation
from ..errors import Failed
from ..labels import Emotion, Need, Risk, Tactic, Tone
from ..store import Store
from .line import render_cues

LONGEST_CAUSE_WORDS = 8
PAST_TURNS = 4
SYSTEM = (
    "You read how a person in a live conversation feels, from their words and from how their voice sounds. "
    "Weigh both; where they disagree trust neither blindly and set conflict. risk is crisis only for a wish to die "
    "or to be harmed, watch for a hint of it. cause is at most 8 of their own words. Choose 1 or 2 tactics for the "
    "listener's answer and the tone it has. Answer in JSON."
)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    attempts: int = 2
    """How often an answer that does not fit the schema is asked for again."""


class Filled(BaseModel):
    """What the model fills in; also the source of the schema it is held to."""

    model_config = ConfigDict(extra="ignore")

    emotion: Emotion
    intensity: int
    cause: str
    need: Need
    conflict: bool
    risk: Risk
    tactics: list[Tactic]
    tone: Tone


class LLMAppraiser:
    """Needs `bind` before its first use: the chat model is shared with the replies."""

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options
        self._chat: ChatModel | None = None

    def bind(self, chat: ChatModel) -> None:
        self._chat = chat

    async def appraise(self, situation: Situation) -> Appraisal:
        """Raises Failed where the model gives nothing usable, and whatever the chat model raises."""
        messages = _messages(situation)
        for _ in range(self._options.attempts):
            text = await self._ask(messages)
            try:
                return _appraisal(Filled.model_validate_json(text), situation.cues)
            except ValidationError:
                continue
        raise Failed("the language model gave no usable appraisal")

    async def _ask(self, messages: tuple[Message, ...]) -> str:
        if self._chat is None:
            raise Failed("the llm appraiser has no chat model: bind one first")
        options = ChatOptions(max_tokens=160, temperature=0.0, json_schema=schema())
        pieces = [delta.text async for delta in self._chat.stream(messages, options)]
        return "".join(pieces)


def schema() -> dict[str, Any]:
    """The JSON schema, with bounds that keep a small model from rambling."""
    found = Filled.model_json_schema()
    found["properties"]["intensity"] |= {"minimum": 0, "maximum": 3}
    found["properties"]["tactics"] |= {"minItems": 1, "maxItems": 2}
    found["properties"]["cause"] |= {"maxLength": 80}
    return found


def _messages(situation: Situation) -> tuple[Message, ...]:
    messages = [Message("system", SYSTEM)]
    for turn in situation.past[-PAST_TURNS:]:
        messages.append(Message("user", turn.user))
        messages.append(Message("assistant", turn.reply))
    said = json.dumps({"voice": render_cues(situation.cues) if situation.cues else "", "words": situation.text})
    return (*messages, Message("user", f"Appraise: {said}"))


def _appraisal(filled: Filled, cues: Cues | None) -> Appraisal:
    evidence = tuple(f"{e.claim}: {e.measurement}" for e in cues.evidence) if cues else ()
    return Appraisal(
        emotion=filled.emotion,
        intensity=min(3, max(0, filled.intensity)),
        cause=" ".join(filled.cause.split()[:LONGEST_CAUSE_WORDS]),
        need=filled.need,
        conflict=filled.conflict,
        risk=filled.risk,
        tactics=tuple(dict.fromkeys(filled.tactics))[:2] or (Tactic.PARAPHRASING,),
        tone=filled.tone,
        evidence=evidence,
        appraiser="llm",
    )

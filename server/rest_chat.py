"""`/v1/chat/completions`: a written turn through the same steps as a spoken one; and the list of models."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Field, field_validator

from ..models.base import PastTurn, Situation
from ..pipelines.duplex.actions import ReplyRequest
from ..pipelines.duplex.config import EmpathyConfig, SessionConfig
from ..pipelines.duplex.text import Answer, answer_text
from .appraisals import Thread
from .auth import Guest
from .rest import ApiError, admitted, state_of
from .state import ServerState
from .wire_items import Text
from .wire_schema import Empathy, Shape

router = APIRouter(prefix="/v1", tags=["text"])
MODEL = "affetto"
MOST_MESSAGES = 1000


class TextPart(Shape):
    type: Literal["text", "input_text"]
    text: Text


class ChatMessage(Shape):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[TextPart] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content).strip()
        return (self.content or "").strip()


class StreamOptions(Shape):
    include_usage: bool = False


class ChatRequest(Shape):
    model: str = Field(MODEL, max_length=256)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    n: int = 1
    user: str | None = Field(None, max_length=256)
    safety_identifier: str | None = Field(None, max_length=256)
    empathy: Empathy = Empathy()

    @field_validator("n")
    @classmethod
    def _one(cls, value: int) -> int:
        if value != 1:
            raise ValueError("there is one answer, not several")
        return value

    @property
    def asked(self) -> EmpathyConfig:
        """The switches; the person is whom `empathy.user` or one of OpenAI's fields names."""
        named = self.empathy.user or self.user or self.safety_identifier or ""
        return replace(self.empathy.config, user=named)


@router.post("/chat/completions")
async def chat(request: Request, body: ChatRequest, guest: Annotated[Guest, Depends(admitted)]) -> Response:
    """Answer the last message; `empathy` in the completion (or the last chunk) says what the answer rests on."""
    state = state_of(request)
    said = await _said(body.messages, state, guest)
    turn = _Turn(state, body, said, guest)
    texts = turn.texts()
    first = await anext(texts, "")
    if turn.answer.error is not None or turn.failed:
        await texts.aclose()
        raise ApiError(503, "backend_failed", turn.answer.error or turn.failed)
    if body.stream:
        return StreamingResponse(turn.chunks(first, texts), media_type="text/event-stream")
    async with aclosing(texts):
        text = first + "".join([piece async for piece in texts])
    return JSONResponse(turn.completion(text.strip()))


class _Turn:
    """One request and its answer in the making."""

    def __init__(self, state: ServerState, body: ChatRequest, said: _Said, guest: Guest) -> None:
        self._state = state
        self._body = body
        self._said = said
        self._memory = state.remembering(guest, said.conversation)
        self.answer = Answer()
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": body.model,
            "system_fingerprint": "affetto",
        }

    @property
    def failed(self) -> str:
        """Why there are no words of the chat model; what is said then is an apology, which no program wants."""
        degraded: list[str] = self.answer.empathy.get("degraded", [])
        return next((line for line in degraded if line.startswith("language:")), "")

    def texts(self) -> AsyncGenerator[str]:
        body, state, said = self._body, self._state, self._said
        request = ReplyRequest(
            situation=said.situation,
            config=SessionConfig(empathy=body.asked),
            modality="text",
            instructions="\n".join(text for text in (state.settings.voice.instructions, said.persona) if text),
            max_output_tokens=body.max_completion_tokens or body.max_tokens,
            seed=body.seed or 0,
        )
        stream = answer_text(request, state.backends, state.policy, self.answer, self._memory)
        assert isinstance(stream, AsyncGenerator)
        return stream

    def completion(self, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish()}
        self._note()
        whole = {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage()}
        return {**whole, "empathy": self.answer.empathy}

    async def chunks(self, first: str, texts: AsyncGenerator[str]) -> AsyncGenerator[str]:
        """Server-sent events, to the final `[DONE]`. Leaving early stops the generation."""
        async with aclosing(texts):
            yield self._chunk({"role": "assistant", "content": ""})
            if first:
                yield self._chunk({"content": first})
            async for text in texts:
                yield self._chunk({"content": text})
        self._note()
        if self.answer.error is not None:
            yield _sse({"error": {"message": self.answer.error, "type": "server_error", "code": "backend_failed"}})
        yield self._chunk({}, self._finish(), empathy=self.answer.empathy)
        if self._body.stream_options and self._body.stream_options.include_usage:
            yield _sse({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()})
        yield "data: [DONE]\n\n"

    def _note(self) -> None:
        """The next request brings this turn again, without what we made of it."""
        if self.answer.appraisal is not None:
            self._state.appraisals.put(self._said.key, self.answer.appraisal)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **extra: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _sse({**self._head, "object": "chat.completion.chunk", "choices": [choice], **extra})

    def _finish(self) -> str:
        reasons = {"max_output_tokens": "length", "content_filter": "content_filter"}
        return reasons.get(self.answer.reason or "", "stop")

    def _usage(self) -> dict[str, int]:
        used = self.answer.usage
        total = used.input_tokens + used.output_tokens
        return {"prompt_tokens": used.input_tokens, "completion_tokens": used.output_tokens, "total_tokens": total}


@dataclass(frozen=True, slots=True)
class _Said:
    """What a request's messages hold; `key` stands for all of them, `conversation` for how they begin."""

    situation: Situation
    persona: str
    key: str
    conversation: str


async def _said(messages: list[ChatMessage], state: ServerState, guest: Guest) -> _Said:
    """What was said last, what went before with what was made of it, and the persona that system messages ask for."""
    limit = state.settings.server.text_chars
    past: list[PastTurn] = []
    said: list[str] = []
    persona: list[str] = []
    keys: list[str] = []
    thread, conversation = Thread(guest.name or ""), ""
    for index, message in enumerate(messages):
        if len(message.text) > limit:
            place = f"messages.{index}.content"
            raise ApiError(400, "string_above_max_length", f"A message may have {limit} characters.", place)
        if message.role in ("system", "developer"):
            persona.append(message.text)
        elif message.role == "user" and message.text:
            said.append(message.text)
            thread.add("user", message.text)
            conversation = conversation or f"chat_{thread.key[:24]}"
        elif message.role == "assistant" and message.text:
            past.append(PastTurn(" ".join(said), None, None, message.text))
            keys.append(thread.key)
            thread.add("assistant", message.text)
            said = []
    if not said:
        raise ApiError(400, "invalid_value", "The last message must be a user's, with text.", "messages")
    turns = await state.appraisals.completed(past, keys, state.backends.appraiser)
    return _Said(Situation(" ".join(said), None, turns), "\n".join(persona), thread.key, conversation)


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@router.get("/models")
async def models(request: Request, guest: Annotated[Guest, Depends(admitted)]) -> dict[str, Any]:
    """What can be named as `model`; any name is taken, they all mean this server."""
    return {"object": "list", "data": [_model(name) for name in _names(state_of(request))]}


@router.get("/models/{name}")
async def model(request: Request, name: str, guest: Annotated[Guest, Depends(admitted)]) -> dict[str, Any]:
    if name not in _names(state_of(request)):
        raise ApiError(404, "model_not_found", "There is no model of this name; see /v1/models.", "model")
    return _model(name)


def _names(state: ServerState) -> list[str]:
    settings = state.settings
    return [MODEL, *dict.fromkeys(section.backend for section in (settings.llm, settings.asr, settings.tts))]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": MODEL}

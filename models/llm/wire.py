"""Chat completions on the wire: the request's body, a chunk of the answer, and a prefill said twice. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base import ChatOptions, FinishReason, Message
from ..errors import Failed
from .failures import Endpoint, failed_midway

if TYPE_CHECKING:
    from .openai import Options

CONTINUE = '(You have begun your answer already, with: "{}" Go on right there, without saying that again.)'


def request_body(messages: Sequence[Message], options: ChatOptions, settings: Options) -> dict[str, Any]:
    """Body of `POST /chat/completions`."""
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": _with_prefill([_message(m) for m in messages], options, settings),
        "stream": True,
        "stream_options": {"include_usage": True},
        settings.max_tokens_field: options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
    }
    if options.stop:
        body["stop"] = list(options.stop)
    if options.seed is not None:
        body["seed"] = options.seed
    if options.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": dict(options.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if options.grammar and settings.grammar:
        body["grammar"] = options.grammar
    if options.prefill and settings.prefill == "vllm":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return body | settings.extra_body


def _message(message: Message) -> dict[str, str]:
    """JSON text may hold half a surrogate pair; no endpoint takes that."""
    return {"role": message.role, "content": message.content.encode(errors="replace").decode()}


def _with_prefill(messages: list[dict[str, str]], options: ChatOptions, settings: Options) -> list[dict[str, str]]:
    if not options.prefill:
        return messages
    if settings.prefill != "none":
        return [*messages, {"role": "assistant", "content": options.prefill}]
    note = CONTINUE.format(options.prefill)
    if messages and messages[-1]["role"] == "user":
        return [*messages[:-1], {"role": "user", "content": f"{messages[-1]['content']}\n\n{note}"}]
    return [*messages, {"role": "user", "content": note}]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event of a stream; any part may be missing."""

    text: str = ""
    finish: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @classmethod
    def read(cls, event: str, endpoint: Endpoint) -> Chunk:
        """Decode an event.

        Raises:
            Failed: it is an error, or not a chunk at all.
        """
        try:
            value = json.loads(event)
        except ValueError:
            raise Failed(f"{endpoint.url} sent what is no JSON: {endpoint.quoted(event)}") from None
        if not isinstance(value, dict):
            raise Failed(f"{endpoint.url} sent what is no chunk: {endpoint.quoted(event)}")
        if value.get("error"):
            raise failed_midway(value["error"], endpoint)
        choices, usage = value.get("choices") or [{}], _table(value.get("usage"))
        choice = _table(choices[0]) if isinstance(choices, list) else {}
        reason, text = choice.get("finish_reason"), _table(choice.get("delta")).get("content")
        return cls(
            text=text if isinstance(text, str) else "",
            finish=None if reason is None else ("length" if reason == "length" else "stop"),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
        )


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


class Unrepeated:
    """Takes a prefill off the start of a stream where the endpoint says it once more."""

    def __init__(self, prefill: str) -> None:
        self._prefill = prefill.strip()
        self._held = ""
        self._deciding = bool(self._prefill)

    def feed(self, text: str) -> str:
        if not self._deciding:
            return text
        self._held += text
        begun = self._held.lstrip()
        if len(begun) < len(self._prefill) and self._prefill.startswith(begun):
            return ""
        self._deciding = False
        return begun.removeprefix(self._prefill) if begun.startswith(self._prefill) else self._held

    def end(self) -> str:
        """What is still held back when the stream ends: too short to be the whole prefill."""
        held, self._held = self._held if self._deciding else "", ""
        self._deciding = False
        return held

"""A chat model behind any OpenAI-compatible HTTP endpoint: llama.cpp, vLLM, SGLang, Ollama, hosted ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..base import ChatDelta, ChatOptions, Message
from ..errors import Failed
from ..store import Store
from .failures import Endpoint, refused, unreachable
from .sse import events
from .wire import Chunk, Unrepeated, request_body

PrefillWay = Literal["assistant", "vllm", "none"]

KEEP_ALIVE_S = 3.0
"""Shorter than the 5 s after which llama.cpp and uvicorn close an idle connection: never write to a closing one."""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = "http://127.0.0.1:8080/v1"
    """Root of the API; `/chat/completions` is added to it."""
    model: str = "default"
    """Name that the endpoint knows the model by."""
    api_key: SecretStr | None = None
    """Sent as a bearer token where set; never logged, never part of an error."""
    prefill: PrefillWay = "assistant"
    """How the start of a reply is handed over: "assistant" as a last assistant message (llama.cpp, Ollama),
    "vllm" with `continue_final_message` as well (vLLM, SGLang), "none" as a note in the last user message (hosted)."""
    grammar: bool = False
    """Whether the endpoint takes llama.cpp's `grammar`; others refuse what they do not know."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Name of the length limit; newer hosted models want "max_completion_tokens"."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Added to every request as it is, e.g. {"chat_template_kwargs": {"enable_thinking": false}}."""
    connect_timeout_s: float = Field(5.0, gt=0)
    """Longest wait for a connection."""
    first_token_timeout_s: float = Field(30.0, gt=0)
    """Longest wait from the request to the first token."""
    token_timeout_s: float = Field(10.0, gt=0)
    """Longest wait between two tokens."""
    max_connections: int = Field(64, gt=0)
    """Requests that may be open at once."""


@dataclass(slots=True)
class _Ending:
    """What the stream said about its end so far."""

    finish: Literal["stop", "length"] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class OpenAIChat:
    """`ChatModel` over HTTP; closing a stream closes its connection, which stops the generation."""

    def __init__(self, options: Options, store: Store | None = None) -> None:
        del store  # Weights are the endpoint's business.
        self._options = options
        self._key = options.api_key.get_secret_value() if options.api_key else ""
        self._url = f"{options.base_url.rstrip('/')}/chat/completions"
        self._endpoint = Endpoint(_shown(options.base_url), options.model, self._key)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=options.connect_timeout_s, pool=options.connect_timeout_s),
            limits=httpx.Limits(max_connections=options.max_connections, keepalive_expiry=KEEP_ALIVE_S),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            trust_env=not _is_local(options.base_url),
        )

    async def __aenter__(self) -> OpenAIChat:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta]:
        """Stream a reply; the last delta has the reason of the end and, where the endpoint counts, token numbers.

        Raises:
            Unavailable: nothing answers there, or it wants another key, model or path.
            Overloaded: it refused for lack of room.
            Failed: it answered with an error, broke off, or was silent for too long.
        """
        body = request_body(messages, options, self._options)
        ending = _Ending()
        unrepeated = Unrepeated(options.prefill)
        async with aclosing(self._chunks(body)) as chunks:
            async for chunk in chunks:
                if text := unrepeated.feed(chunk.text):
                    yield ChatDelta(text)
                ending.finish = chunk.finish or ending.finish
                ending.prompt_tokens = chunk.prompt_tokens or ending.prompt_tokens
                ending.completion_tokens = chunk.completion_tokens or ending.completion_tokens
        if ending.finish is None:
            raise Failed(f"the language model at {self._endpoint.url} broke off in the middle of its reply")
        yield ChatDelta(unrepeated.end(), ending.finish, ending.prompt_tokens, ending.completion_tokens)

    async def _chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk]:
        wait = self._options.first_token_timeout_s
        try:
            async with self._open(body) as response, aclosing(events(response)) as data:
                while (event := await self._next(data, wait)) is not None:
                    chunk = Chunk.read(event, self._endpoint)
                    if chunk.text:
                        wait = self._options.token_timeout_s
                    yield chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise unreachable(error, self._endpoint) from error

    @asynccontextmanager
    async def _open(self, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """The response, once its status says that tokens will follow."""
        wait = self._options.first_token_timeout_s
        request = self._client.build_request("POST", self._url, json=body)
        try:
            async with asyncio.timeout(wait):
                response = await self._client.send(request, stream=True)
        except TimeoutError:
            raise self._silent(wait) from None
        try:
            if response.status_code != httpx.codes.OK:
                async with asyncio.timeout(wait):
                    raise refused(response.status_code, await response.aread(), self._endpoint)
            yield response
        finally:
            await response.aclose()

    async def _next(self, data: AsyncIterator[str], wait: float) -> str | None:
        try:
            async with asyncio.timeout(wait):
                return await anext(data, None)
        except TimeoutError:
            raise self._silent(wait) from None

    def _silent(self, wait: float) -> Failed:
        return Failed(f"the language model at {self._endpoint.url} sent nothing for {wait:g} s")


def _shown(url: str) -> str:
    """The address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _is_local(url: str) -> bool:
    """This machine's own servers are never behind a proxy."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")

"""The embedded chat model: llama.cpp's server in a process of its own, spoken to as any OpenAI-compatible endpoint."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..base import ChatDelta, ChatOptions, Message
from ..errors import Unavailable
from ..sharing import Turns
from ..store import Store
from . import adapters, openai
from .cores import physical_cores
from .llama_server import ServerConfig
from .supervisor import Supervisor


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = "qwen2.5-coder-1.5b"
    """Asset in the store (qwen2.5-coder-1.5b, qwen2.5-coder-0.5b, smollm2-135m), or the path of a .gguf file."""
    adapter: str = "auto"
    """LoRA: "auto" for the one that ships for this model, "none", or the path of a .gguf file."""
    adapter_scale: float = 1.0
    """Strength of an adapter given by path; a shipped one brings its own."""
    context_tokens: int = Field(4096, ge=512)
    """Longest prompt and reply together, for each slot."""
    slots: int = Field(2, ge=1)
    """Replies made at the same time; more wait for a slot."""
    backlog: int = Field(32, ge=0)
    """Replies that may wait; beyond, calls are refused as overloaded."""
    threads: int = Field(0, ge=0)
    """Threads for generation; 0 means the physical cores that this process may use."""
    cache_ram_mib: int = Field(512, ge=0)
    """Memory for prompts of sessions that have no slot now, so that they need not be read again."""
    start_timeout_s: float = Field(120.0, gt=0)
    """Longest time to load the weights."""
    restart_wait_s: float = Field(8.0, ge=0)
    """How long a call waits for a server that is restarting."""
    first_token_timeout_s: float = Field(30.0, gt=0)
    """Longest wait from the request to the first token."""
    token_timeout_s: float = Field(10.0, gt=0)
    """Longest wait between two tokens."""


class Llama:
    """`ChatModel` with its own server; use it as an async context manager.

    Raises, at entry:
        Unavailable: weights not pulled, xllamacpp not installed, or the server does not come up.
    """

    def __init__(self, options: Options, store: Store) -> None:
        if find_spec("xllamacpp") is None:
            raise Unavailable("the embedded language model needs xllamacpp: run `pip install xllamacpp`")
        self._options = options
        self._key = secrets.token_urlsafe(24)
        self._supervisor = Supervisor(self._config(store), self._connect, start_timeout_s=options.start_timeout_s)
        self._chat: openai.OpenAIChat | None = None
        self._turns = Turns("the language model", options.slots, backlog=options.backlog)

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._supervisor.pid

    @property
    def ready(self) -> bool:
        """Whether a reply would be made now."""
        return self._supervisor.serving

    @property
    def restarts(self) -> int:
        """How often the server had to be started again."""
        return self._supervisor.restarts

    async def __aenter__(self) -> Llama:
        await self._supervisor.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._supervisor.stop()
        await self._disconnect()

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta]:
        """As `OpenAIChat.stream`; waits a little for a server that is restarting."""
        async with self._turns.place():
            await self._supervisor.ready(self._options.restart_wait_s)
            assert self._chat is not None
            async with aclosing(self._chat.stream(messages, options)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _connect(self, url: str) -> None:
        await self._disconnect()
        self._chat = openai.OpenAIChat(
            openai.Options(
                base_url=f"{url}/v1",
                model=self._options.model,
                api_key=SecretStr(self._key),
                grammar=True,
                first_token_timeout_s=self._options.first_token_timeout_s,
                token_timeout_s=self._options.token_timeout_s,
            )
        )

    async def _disconnect(self) -> None:
        if self._chat is not None:
            await self._chat.__aexit__(None, None, None)
            self._chat = None

    def _config(self, store: Store) -> ServerConfig:
        options = self._options
        lora, scale = _adapter(options)
        return ServerConfig(
            model=str(_weights(options.model, store)),
            lora=str(lora) if lora else None,
            lora_scale=scale,
            context_tokens=options.context_tokens,
            slots=options.slots,
            threads=options.threads or physical_cores(),
            cache_ram_mib=options.cache_ram_mib,
            api_key=self._key,
        )


def _weights(model: str, store: Store) -> Path:
    if model.endswith(".gguf"):
        if not Path(model).is_file():
            raise Unavailable(f"there is no file {model!r}: mend the setting `model` of the language model")
        return Path(model)
    files = sorted(store.path(model).glob("*.gguf"))
    if not files:
        raise Unavailable(f"no .gguf file among the weights of {model!r}: run `affetto pull {model}`")
    return files[0]


def _adapter(options: Options) -> tuple[Path | None, float]:
    if options.adapter == "none":
        return None, 1.0
    if options.adapter == "auto":
        shipped = adapters.shipped(options.model)
        if shipped is None:
            return None, 1.0
        shipped.verify()
        return shipped.path, shipped.scale
    path = Path(options.adapter)
    if not path.is_file():
        raise Unavailable(f"there is no file {options.adapter!r}: mend the setting `adapter` of the language model")
    return path, options.adapter_scale

"""Builds the backends that settings name, in order, and takes them down again."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ..models import registry
from ..models.gate import Tell
from ..models.guarded import guarded
from ..models.store import Store
from ..pipelines.duplex.backends import Backends
from ..pipelines.duplex.mood import Persona
from ..pipelines.duplex.observe import ignore
from ..pipelines.duplex.policy import DuplexPolicy
from ..pipelines.memory.database import Database
from ..pipelines.memory.sealing import Sealer
from ..pipelines.memory.service import MemoryService
from ..pipelines.memory.store import MemoryStore
from .handover import Handover
from .handover_store import HandoverStore
from .settings import SECTIONS, MemorySection, Settings


@asynccontextmanager
async def backends(settings: Settings, store: Store, tell: Tell = ignore) -> AsyncIterator[Backends]:
    """All models, started, each behind a gate that tells of its calls; stopped at the end in reverse order.

    Raises:
        BadBackend, Unavailable: with a message that says what to change or to install.
    """
    async with AsyncExitStack() as stack:
        made: dict[str, Any] = {}
        for kind in SECTIONS:
            if kind != "embedder":
                made[kind] = guarded(kind, await _started(stack, settings, store, kind), tell)
        if hasattr(made["appraiser"], "bind"):
            made["appraiser"].bind(made["llm"])
        yield Backends(
            vad=made["vad"],
            turn=made["turn"],
            recognizer=made["asr"],
            cues=made["cues"],
            appraiser=made["appraiser"],
            chat=made["llm"],
            synthesizer=made["tts"],
        )


@asynccontextmanager
async def memory(settings: Settings, store: Store, tell: Tell = ignore) -> AsyncIterator[MemoryService | None]:
    """What remembers people who consent, if this server does.

    Raises:
        BadBackend, BadKey, Unavailable: with a message that says what to change or to install.
    """
    section = settings.memory
    if not section.enabled:
        yield None
        return
    async with AsyncExitStack() as stack:
        embedder = guarded("embedder", await _started(stack, settings, store, "embedder"), tell)
        kept = memory_store(section)
        keep_s = section.keep_days * 86_400 if section.keep_days is not None else None
        yield await stack.enter_async_context(MemoryService(kept, embedder, keep_s=keep_s))


@asynccontextmanager
async def handover(settings: Settings) -> AsyncIterator[Handover | None]:
    """What leaves sessions to other gateways, if this server does.

    Raises:
        BadKey, Unavailable: with a message that says what to change or to install.
    """
    section, keep_s = settings.handover, settings.server.resume_s
    if not section.enabled or keep_s <= 0:
        yield None
        return
    url = section.url or settings.memory.url
    sealer = Sealer([key.get_secret_value() for key in section.keys or settings.memory.keys])
    store = HandoverStore(url.get_secret_value() if url else None, sealer, gateway=secrets.token_hex(8), keep_s=keep_s)
    async with Handover(store, keep_s=keep_s) as made:
        yield made


def memory_store(section: MemorySection) -> MemoryStore:
    """The tables of what is remembered. Raises BadKey, Unavailable."""
    sealer = Sealer([key.get_secret_value() for key in section.keys])
    database = Database(section.url.get_secret_value() if section.url else None)
    return MemoryStore(database, sealer, most_facts=section.facts)


async def _started(stack: AsyncExitStack, settings: Settings, store: Store, kind: str) -> Any:
    section = getattr(settings, kind)
    backend = registry.create(kind, section.backend, section.options, store)
    if hasattr(backend, "__aenter__"):
        await stack.enter_async_context(backend)
    return backend


def policy(settings: Settings) -> DuplexPolicy:
    """The duplex core's share of the settings."""
    duplex = settings.duplex.model_dump() | {"persona": Persona(**settings.voice.persona.model_dump())}
    return DuplexPolicy(lead_s=duplex.pop("lead_ms") / 1000, region=settings.voice.region, **duplex)

"""Builds the backends that settings name, in order, and takes them down again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ..models import registry
from ..models.store import Store
from ..pipelines.duplex.backends import Backends
from ..pipelines.duplex.policy import DuplexPolicy
from .settings import SECTIONS, Settings


@asynccontextmanager
async def backends(settings: Settings, store: Store) -> AsyncIterator[Backends]:
    """All models, started; stopped at the end in reverse order.

    Raises:
        BadBackend, Unavailable: with a message that says what to change or to install.
    """
    async with AsyncExitStack() as stack:
        made: dict[str, Any] = {}
        for kind in SECTIONS:
            section = getattr(settings, kind)
            backend = registry.create(kind, section.backend, section.options, store)
            if hasattr(backend, "__aenter__"):
                await stack.enter_async_context(backend)
            made[kind] = backend
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


def policy(settings: Settings) -> DuplexPolicy:
    """The duplex core's share of the settings."""
    duplex = settings.duplex.model_dump()
    return DuplexPolicy(lead_s=duplex.pop("lead_ms") / 1000, region=settings.voice.region, **duplex)

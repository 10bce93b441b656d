"""Renders the openers beforehand, in the background, so that the first one of a talk sounds at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..models.base import Style, Synthesizer
from ..models.errors import BackendError
from ..pipelines.duplex import openers
from .settings import Settings

log = logging.getLogger(__name__)
REST = 1.0
"""Rest after each opener, as a share of the time it took: half a core at most is ours."""
BUSY_REST_S = 5.0
"""While somebody talks with the server, one opener at a time, that far apart."""


@asynccontextmanager
async def warmed(settings: Settings, synthesizer: Synthesizer, busy: Callable[[], bool]) -> AsyncIterator[None]:
    """Warm while the body runs, where the settings want it."""
    if not (settings.duplex.openers and settings.voice.render_openers):
        yield
        return
    task = asyncio.create_task(warm(synthesizer, settings.voice.name, busy))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def warm(synthesizer: Synthesizer, voice: str, busy: Callable[[], bool]) -> int:
    """Speak every opener once, for the synthesizer's own cache; how many were spoken.

    A synthesizer that fails says so in the log and is left alone: replies report failures of their own.
    """
    renditions = openers.renditions()
    for done, (text, tone) in enumerate(renditions):
        began = time.monotonic()
        try:
            worked = await _render(synthesizer, text, voice, Style(tone=tone))
        except BackendError as error:
            log.warning("openers are not rendered beforehand, after %d of %d: %s", done, len(renditions), error)
            return done
        if worked:
            await asyncio.sleep(BUSY_REST_S if busy() else REST * (time.monotonic() - began))
    log.info("%d openers are rendered", len(renditions))
    return len(renditions)


async def _render(synthesizer: Synthesizer, text: str, voice: str, style: Style) -> bool:
    """By its own means, where it keeps what it rendered from one start to the next; else by speaking. Whether that
    was any work."""
    warm_up = getattr(synthesizer, "warm", None)
    if warm_up is not None:
        return bool(await warm_up([(text, voice, style)]))
    async for _ in synthesizer.stream(text, voice=voice, style=style):
        pass
    return True

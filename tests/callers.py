"""A call that is none: keeps what is sent, and brings events at set times. For lines in virtual time."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from affetto.clients import line
from affetto.clients.connection import Event
from affetto.clients.errors import CallEnded
from affetto.clients.line import Line, Script
from affetto.clients.turn import Pcm
from virtual import run

RATE = 24_000


def speech(seconds: float) -> Pcm:
    return np.full(round(seconds * RATE), 5000, np.int16)


def delta(seconds: float, item: str = "a") -> Event:
    data = base64.b64encode(speech(seconds).astype("<i2").tobytes()).decode()
    return {"type": "response.output_audio.delta", "item_id": item, "delta": data}


class Caller:
    """Stands in for a call: keeps what is sent, and when, and brings events at set times."""

    def __init__(self, *events: tuple[float, Event], breaks_at: float | None = None) -> None:
        self.sent: list[tuple[float, Pcm]] = []
        self.reports: list[tuple[str, int]] = []
        self.updates: list[Any] = []
        self._events = events
        self._breaks_at = breaks_at

    async def send_audio(self, pcm: Pcm) -> None:
        now = asyncio.get_running_loop().time()
        if self._breaks_at is not None and now >= self._breaks_at:
            raise CallEnded("the call has ended")
        self.sent.append((now, pcm))

    async def report_played(self, item_id: str, played_ms: int) -> None:
        self.reports.append((item_id, played_ms))

    async def __aiter__(self) -> AsyncIterator[Event]:
        for when, event in self._events:
            await asyncio.sleep(when - asyncio.get_running_loop().time())
            yield event
        await asyncio.Event().wait()


def live(caller: Caller, held: Line, script: Script[Any], **options: Any) -> None:
    run(line.run(caller, held, script, **options))  # type: ignore[arg-type]

"""What a session tells its client, until that is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from .alarm import Alarm
from .endpointing import milliseconds
from .intake import Intake
from .observe import Observer, ResponseRecorded
from .outputs import Output, ResponseEnded, SpeechStarted, SpeechStopped

LIMIT = 2000
"""Outputs that may wait for a slow client; beyond it the session is closed."""


class Outgoing:
    """`overflowed`: the client took too little, the session is to end."""

    def __init__(self, session_id: str, intake: Intake, observer: Observer, wake: Alarm) -> None:
        self._id, self._intake, self._observer, self._wake = session_id, intake, observer, wake
        self._waiting: asyncio.Queue[Output | None] = asyncio.Queue()
        self.overflowed = False

    @property
    def empty(self) -> bool:
        return self._waiting.empty()

    def send(self, output: Output) -> None:
        if self._waiting.qsize() >= LIMIT:
            self.overflowed = True
            self._wake.set()
            return
        self._waiting.put_nowait(self._on_stream(output))
        if isinstance(output, ResponseEnded) and output.empathy is not None:
            self._record(output, output.empathy)

    def end(self) -> None:
        """Nothing more comes."""
        self._waiting.put_nowait(None)

    async def outputs(self) -> AsyncIterator[Output]:
        """Until the end."""
        while (output := await self._waiting.get()) is not None:
            yield output

    def _on_stream(self, output: Output) -> Output:
        """Clients count audio time in what they sent; the session clock also counts what they did not."""
        gap_ms = milliseconds(self._intake.missing)
        if isinstance(output, SpeechStarted):
            return replace(output, audio_start_ms=max(0, output.audio_start_ms - gap_ms))
        if isinstance(output, SpeechStopped):
            return replace(output, audio_end_ms=max(0, output.audio_end_ms - gap_ms))
        return output

    def _record(self, ended: ResponseEnded, record: Mapping[str, Any]) -> None:
        timings, speculative = record["timings_ms"], record["speculative"]
        self._observer(ResponseRecorded(self._id, ended.response_id, ended.status, timings, speculative, record))

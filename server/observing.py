"""Who listens to the observation hook: metrics and logs always, traces of turns where the settings want them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..models.errors import Unavailable
from ..models.gate import Gate
from ..pipelines.duplex.observe import Observer, every
from . import logs
from .lag import LoopLag
from .settings import ObserveSection
from .telemetry import Telemetry

if TYPE_CHECKING:
    from .tracing import Tracing


class Observing:
    """One a server. `observer` is the hook for what is not of one session (models), `session` for what is."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.telemetry = Telemetry()
        self.lag = LoopLag(self.telemetry.lagged)
        self.observer: Observer = every(self.telemetry.observe, logs.observe)
        self._tracing = tracing
        self._gates: list[Gate] = []

    @property
    def busiest(self) -> int:
        """Calls at the model that has most, waiting or worked on."""
        return max((gate.active for gate in self._gates), default=0)

    def session(self) -> Observer:
        return self.observer if self._tracing is None else every(self.observer, self._tracing.observer())

    @asynccontextmanager
    async def watching(self, *others: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Look after the loop, and whatever else is to be looked after, while the body runs."""
        self.telemetry.watch_tasks(lambda: len(asyncio.all_tasks()))
        tasks = [asyncio.create_task(watch) for watch in (self.lag.watch(), *others)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)

    def watch_backends(self, backends: Mapping[str, Any]) -> None:
        """Show each gate's breaker, and how many calls it has."""
        for backend in backends.values():
            gate = getattr(backend, "gate", None)
            if gate is not None:
                self._gates.append(gate)
                self.telemetry.watch_breaker(gate.name)
                self.telemetry.watch_queue(gate.name, partial(getattr, gate, "active"))


def made(section: ObserveSection) -> Observing:
    """As the settings want it. Raises Unavailable where OpenTelemetry is wanted and not installed."""
    if section.otlp_url is None:
        return Observing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from .tracing import Tracing
    except ModuleNotFoundError as error:
        raise Unavailable(f"observe.otlp_url needs {error.name}: pip install 'affetto[tracing]'") from error
    headers = {name: value.get_secret_value() for name, value in section.otlp_headers.items()}
    return Observing(Tracing(BatchSpanProcessor(OTLPSpanExporter(section.otlp_url, headers=headers))))

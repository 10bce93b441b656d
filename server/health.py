"""Which backends are out, and since when: asked once a second, told by /ready and the metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

EVERY_S = 1.0
NEEDED = ("vad", "recognizer", "chat", "synthesizer")
"""Without one of these a new session would not be served; without the others its answers are plainer."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Wall time, for people; `why` is fit for them."""

    since: float
    why: str


class Health:
    """`backends` are asked by their property `ready`; one without it always is."""

    def __init__(self, backends: Callable[[], Mapping[str, Any]], tell: Callable[[str, bool], None]) -> None:
        self._backends = backends
        self._tell = tell
        self._out: dict[str, Outage] = {}

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)

    def look(self) -> Mapping[str, Outage]:
        """Ask all backends now; gives those that are out."""
        for name, backend in self._backends().items():
            ready = bool(getattr(backend, "ready", True))
            self._tell(name, ready)
            if ready:
                self._out.pop(name, None)
            else:
                self._out[name] = _outage(backend, self._out.get(name))
        return self._out

    @property
    def serves(self) -> bool:
        """Whether a new session would be served, as far as the models go."""
        return not set(NEEDED) & set(self._out)


def _outage(backend: Any, known: Outage | None) -> Outage:
    breaker = getattr(getattr(backend, "gate", None), "breaker", None)
    why = getattr(breaker, "why", "") or "it is not ready"
    since = known.since if known is not None else time.time()
    return Outage(since, why)

"""The one hook for observation: frozen records, sent as they happen. Metrics, traces and logs subscribe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ...models.gate import BackendCalled, BreakerMoved
from .actions import Action
from .events import Event


@dataclass(frozen=True, slots=True)
class SessionOpened:
    session_id: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    session_id: str
    seconds: float
    speculation_begun: int
    speculation_used: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """The conversation took an event and decided on actions."""

    session_id: str
    event: Event
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ResponseRecorded:
    """A response has ended; times in milliseconds from the end of the user's speech, by stage."""

    session_id: str
    response_id: str
    status: str
    timings_ms: Mapping[str, int]
    speculative: bool
    record: Mapping[str, Any]


Record = SessionOpened | SessionClosed | Stepped | ResponseRecorded | BackendCalled | BreakerMoved
Observer = Callable[[Record], None]

reply_number: ContextVar[int] = ContextVar("affetto_reply", default=0)
"""Which reply of its session the code that runs now makes, for its logs; 0 for none."""


def every(*observers: Observer) -> Observer:
    """One that tells all of these, in order."""

    def observe(record: Record) -> None:
        for observer in observers:
            observer(record)

    return observe


def ignore(record: Record) -> None:
    """Observe nothing."""

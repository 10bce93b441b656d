"""The one way from a session to a model: a deadline, a circuit breaker, and a record of each call.

Whatever a model raises comes out as a BackendError, so that a fault of its own is never taken for a bug of ours.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

from .breaker import Breaker, State
from .errors import BackendError, Failed, Overloaded, Refused, Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

Outcome = Literal["ok", "cancelled", "overloaded", "refused", "unavailable", "failed", "late", "crashed", "resting"]


@dataclass(frozen=True, slots=True)
class BackendCalled:
    """A call to a model is over, after so many seconds, its wait for a turn included; a stream is, when it is left."""

    backend: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """A model's circuit breaker has changed its state."""

    backend: str
    state: State


CallRecord = BackendCalled | BreakerMoved
Tell = Callable[[CallRecord], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a call, or a stream's first piece, must be there, and between two pieces."""

    first_s: float
    next_s: float


class Gate:
    """One model's. `tell` hears of every call."""

    def __init__(self, name: str, patience: Patience, tell: Tell) -> None:
        self.name = name
        self.breaker = Breaker()
        self.active = 0
        self._patience = patience
        self._tell = tell

    async def call(self, work: Callable[[], Awaitable[T]], *, more_s: float = 0.0) -> T:
        """Large work may take `more_s` longer. Raises BackendError, whatever went wrong."""
        with self._recorded():
            async with asyncio.timeout(self._patience.first_s + more_s):
                return await work()

    async def stream(self, make: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        """The pieces as they come; leaving it leaves the model's own. Raises BackendError."""
        with self._recorded():
            pieces, patience = make(), self._patience.first_s
            try:
                while True:
                    async with asyncio.timeout(patience):
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    yield piece
                    patience = self._patience.next_s
            finally:
                close = getattr(pieces, "aclose", None)
                if close is not None:
                    await close()

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        now = asyncio.get_running_loop().time
        began = now()
        self._admit(began)
        outcome: Outcome = "ok"
        self.active += 1
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        except BackendError as error:
            outcome = _outcome(error)
            raise
        except TimeoutError:
            outcome = "late"
            raise Failed(f"the {self.name} backend took too long") from None
        except Exception as error:  # a model's own, whatever it is built from
            outcome, why = "crashed", f"the {self.name} backend failed ({type(error).__name__})"
            # Not its message: that may quote what was said.
            log.error("%s:\n%s", why, "".join(traceback.format_tb(error.__traceback__)))
            raise Failed(why) from error
        finally:
            self.active -= 1
            self._learn(outcome, now())
            self._tell(BackendCalled(self.name, outcome, now() - began))

    def _admit(self, now: float) -> None:
        """Raises Unavailable while the breaker is open."""
        before = self.breaker.state
        wait_s = self.breaker.admit(now)
        self._moved(before)
        if wait_s:
            self._tell(BackendCalled(self.name, "resting", 0.0))
            rests = f"the {self.name} backend rests after failures (the last: {self.breaker.why})"
            raise Unavailable(f"{rests}; try again in {max(1, round(wait_s))} s")

    def _learn(self, outcome: Outcome, now: float) -> None:
        before = self.breaker.state
        match outcome:
            case "ok" | "refused":
                self.breaker.succeeded()
            case "cancelled" | "overloaded":
                self.breaker.abandoned()
            case _:
                self.breaker.failed(now, outcome)
        self._moved(before)

    def _moved(self, before: State) -> None:
        if self.breaker.state is not before:
            self._tell(BreakerMoved(self.name, self.breaker.state))


def _outcome(error: BackendError) -> Outcome:
    match error:
        case Refused():
            return "refused"
        case Overloaded():
            return "overloaded"
        case Unavailable():
            return "unavailable"
        case _:
            return "failed"

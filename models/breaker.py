"""When a model that failed again and again is left alone, and when it is tried anew. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """Calls are refused at once: the model rests."""
    HALF_OPEN = "half_open"
    """One call goes through, and decides."""


@dataclass(slots=True)
class Breaker:
    """Opens at the `limit`th failure in a row; rests double from `rest_s`. Times are seconds of a monotonic clock.

    After Nygard, Release It! (2nd ed., 2018), ch. 5, "Circuit Breaker".
    """

    limit: int = 3
    rest_s: float = 1.0
    longest_rest_s: float = 5.0
    state: State = State.CLOSED
    out_since: float | None = None
    """When it first opened, if it has not closed since."""
    why: str = ""
    _failures: int = 0
    _rests: int = 0
    _until: float = 0.0

    def admit(self, now: float) -> float:
        """0 where a call may go through now (it must be told of by one of the methods below), else seconds to wait."""
        if self.state is State.CLOSED:
            return 0.0
        if self.state is State.OPEN and now >= self._until:
            self.state = State.HALF_OPEN
            return 0.0
        return max(self._until - now, self.rest_s)

    def succeeded(self) -> None:
        self.state, self.out_since, self.why = State.CLOSED, None, ""
        self._failures = self._rests = 0

    def failed(self, now: float, why: str) -> None:
        self._failures += 1
        if self.state is State.CLOSED and self._failures < self.limit:
            return
        if self.state is State.OPEN:  # a call from before it opened
            return
        self.state, self.why = State.OPEN, why
        self.out_since = now if self.out_since is None else self.out_since
        self._until = now + min(self.longest_rest_s, self.rest_s * 2**self._rests)
        self._rests += 1

    def abandoned(self) -> None:
        """A call was given up by its caller, or refused for lack of room: that tells nothing."""
        if self.state is State.HALF_OPEN:
            self.state = State.OPEN

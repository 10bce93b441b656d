"""What a session wants to be reminded of: one of each kind, by its own clock. Pure."""

from __future__ import annotations

from .events import TimerFired, TimerKind


class Timers:
    """Times are samples of the session's clock."""

    def __init__(self) -> None:
        self._at: dict[TimerKind, int] = {}

    def start(self, kind: TimerKind, at: int) -> None:
        self._at[kind] = at

    def stop(self, kind: TimerKind) -> None:
        self._at.pop(kind, None)

    @property
    def next(self) -> int | None:
        """When the first of them is due."""
        return min(self._at.values(), default=None)

    def fire(self, now: int) -> TimerFired | None:
        """The first that is due; it is gone then. What it brings about may start and stop others."""
        at, kind = min(((at, kind) for kind, at in self._at.items()), default=(now + 1, None))
        if kind is None or at > now:
            return None
        del self._at[kind]
        return TimerFired(max(at, 0), kind)

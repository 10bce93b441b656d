"""The session clock: samples of audio received, carried on by wall time where audio stops coming. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ...models.base import HEARING_RATE_HZ

STALL_S = 1.0
"""Audio that is missing for longer than a network's hiccup counts as silence."""


class SessionClock:
    """Positions are samples at 16 kHz; `wall` is seconds of any monotonic clock.

    While audio flows, the clock is the audio. Where it never came, the clock is the wall; where it
    stopped, the clock stands still for `STALL_S` and then goes on with the wall.
    """

    def __init__(self, wall: float) -> None:
        self._position = 0
        self._wall = wall
        self._grace = 0.0

    def now(self, wall: float) -> int:
        return self._position + round(max(0.0, wall - self._wall - self._grace) * HEARING_RATE_HZ)

    def advance(self, samples: int, wall: float) -> int:
        """Audio has come; gives the position of its first sample (later than the last end after a stall)."""
        start = self.now(wall)
        self._position, self._wall, self._grace = start + samples, wall, STALL_S
        return start

    def wall_at(self, position: int) -> float:
        """When the clock will show `position` if no audio comes."""
        return self._wall + self._grace + (position - self._position) / HEARING_RATE_HZ


class Stopwatch:
    """Seconds of a monotonic clock, less the time for which it was stopped."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self._lost = 0.0
        self._stopped_at: float | None = None

    @property
    def stopped(self) -> bool:
        return self._stopped_at is not None

    def time(self) -> float:
        return (self._source() if self._stopped_at is None else self._stopped_at) - self._lost

    def stop(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = self._source()

    def go_on(self) -> None:
        if self._stopped_at is not None:
            self._lost += self._source() - self._stopped_at
            self._stopped_at = None

    def when(self, time: float) -> float | None:
        """The source's time at which this one shows `time`; `None` while it is stopped."""
        return None if self.stopped else time + self._lost

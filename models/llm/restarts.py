"""When a server that fell over may start again: backoff, then a rest. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Restarts:
    """Waits double from `first_s`; the `limit`th failure within `window_s` opens the circuit for `rest_s`."""

    first_s: float = 0.25
    longest_s: float = 10.0
    limit: int = 5
    window_s: float = 120.0
    rest_s: float = 60.0
    resting: bool = False
    total: int = 0
    _failures: deque[float] = field(default_factory=deque)

    def failed(self, now: float) -> float:
        """Count a failure at `now` (seconds, monotonic); gives the seconds to wait before the next start."""
        self.total += 1
        self._failures.append(now)
        while now - self._failures[0] > self.window_s:
            self._failures.popleft()
        count = len(self._failures)
        self.resting = count >= self.limit
        if self.resting:
            return self.rest_s
        return float(min(self.longest_s, self.first_s * 2 ** (count - 1)))

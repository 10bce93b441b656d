"""How late the event loop is: what makes every session of this process stutter at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

PERIOD_S = 0.02
"""A frame of audio: lateness below it is not heard."""
WINDOW = 250
"""Looks that `recent_s` is about: five seconds."""


class LoopLag:
    """Looks at the clock every 20 ms. A stall counts as all the looks that it kept us from (Tene's correction for
    coordinated omission), so percentiles are shares of time."""

    def __init__(self, tell: Callable[[float], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=WINDOW)

    async def watch(self) -> None:
        """Until cancelled."""
        due = self._clock() + PERIOD_S
        while True:
            await asyncio.sleep(due - self._clock())
            late = max(0.0, self._clock() - due)
            due = max(due + PERIOD_S, self._clock())
            while late >= 0:
                self._recent.append(late)
                self._tell(late)
                late -= PERIOD_S

    def recent_s(self, share: float = 0.99) -> float:
        """This share of the last five seconds was not later than this."""
        held = sorted(self._recent)
        return held[min(len(held) - 1, int(share * len(held)))] if held else 0.0

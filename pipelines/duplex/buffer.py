"""The last minutes of what the microphone gave, by position. Nothing of it is kept beyond its turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

LONGEST_S = 150


class AudioBuffer:
    """Grows by `write`, shrinks by `forget`; gaps between writes are silence. int16 inside, float32 out."""

    def __init__(self) -> None:
        self._data: NDArray[np.int16] = np.zeros(HEARING_RATE_HZ * 16, np.int16)
        self._start = 0
        self._end = 0

    @property
    def end(self) -> int:
        return self._end

    @property
    def held(self) -> int:
        """Samples in memory."""
        return self._end - self._start

    def write(self, start: int, samples: NDArray[np.int16]) -> None:
        """Put `samples` at position `start`, which is not before the end."""
        if start - self._end > HEARING_RATE_HZ * LONGEST_S:
            self.forget(start)
            self._start = self._end = start
        self._reserve(start + len(samples))
        offset = start - self._start
        self._data[self._end - self._start : offset] = 0
        self._data[offset : offset + len(samples)] = samples
        self._end = start + len(samples)
        if self._end - self._start > HEARING_RATE_HZ * LONGEST_S:
            self.forget(self._end - HEARING_RATE_HZ * (LONGEST_S - 10))

    def read(self, start: int, end: int) -> Samples:
        """float32 in [-1, 1]; what is not held is left out."""
        start, end = max(start, self._start), min(end, self._end)
        if start >= end:
            return np.zeros(0, np.float32)
        return self._data[start - self._start : end - self._start].astype(np.float32) / 32768.0

    def forget(self, before: int) -> None:
        """Drop, and overwrite, what lies before a position."""
        cut = min(before, self._end) - self._start
        if cut <= 0:
            return
        held = self._end - self._start
        self._data[: held - cut] = self._data[cut:held]
        self._data[held - cut : held] = 0
        self._start += cut

    def clear(self) -> None:
        """Drop all, and the memory, at once: whoever holds us may be found to be garbage much later."""
        self.forget(self._end)
        self._data = np.zeros(0, np.int16)

    def _reserve(self, end: int) -> None:
        needed = end - self._start
        if needed > len(self._data):
            grown = np.zeros(max(needed, 2 * len(self._data)), np.int16)
            grown[: self._end - self._start] = self._data[: self._end - self._start]
            self._data = grown

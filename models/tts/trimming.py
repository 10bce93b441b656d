"""The silence that a synthesizer puts around a phrase, cut while the phrase comes. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Trimmer:
    """Drops samples until the first over `quiet`, and after the last, but for `before` and `after` samples."""

    def __init__(self, *, quiet: float, before: int, after: int) -> None:
        self._quiet = quiet
        self._before = before
        self._after = after
        self._held: Floats | None = np.zeros(0, np.float32)
        self.dropped = 0
        """Samples cut at the beginning."""

    def __call__(self, audio: Floats, *, final: bool) -> Floats:
        if self._held is not None:
            audio = self._begin(np.concatenate([self._held, audio]))
        if not final:
            return audio
        loud = np.flatnonzero(np.abs(audio) > self._quiet)
        return audio[: (int(loud[-1]) if len(loud) else 0) + self._after]

    def _begin(self, audio: Floats) -> Floats:
        """What is left of the beginning; nothing, while it may all be silence."""
        loud = np.flatnonzero(np.abs(audio) > self._quiet)
        first = max(0, (int(loud[0]) if len(loud) else len(audio)) - self._before)
        self.dropped += first
        self._held = None if len(loud) else audio[first:]
        return audio[first:] if len(loud) else audio[:0]

"""From speech probabilities to the start and stop of a voice, with hysteresis (as silero's VADIterator)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...models.base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES

RELEASE_MARGIN = 0.15
"""Speech ends this far below the threshold at which it starts."""


def frames(milliseconds: float) -> int:
    """Frames of the VAD that cover a time, at least one."""
    return max(1, round(milliseconds * HEARING_RATE_HZ / 1000 / VAD_FRAME_SAMPLES))


@dataclass(frozen=True, slots=True)
class Edge:
    """The voice started or stopped at `sample`: its first sample, or the first one after its last."""

    kind: Literal["started", "stopped"]
    sample: int


class VoiceActivity:
    """Feed one probability a frame; `start_ms` of speech starts a voice, `stop_ms` of silence stops it."""

    def __init__(self, *, threshold: float = 0.5, start_ms: float = 64, stop_ms: float = 96) -> None:
        self.threshold = threshold
        self._start_frames = frames(start_ms)
        self._stop_frames = frames(stop_ms)
        self._active = False
        self._run = 0

    @property
    def active(self) -> bool:
        return self._active

    def reset(self) -> None:
        """Forget the voice: if it goes on, it starts anew."""
        self._active, self._run = False, 0

    def step(self, probability: float, frame_end: int) -> Edge | None:
        """Take the probability of the frame that ends before sample `frame_end`."""
        if self._active:
            return self._step_active(probability, frame_end)
        return self._step_silent(probability, frame_end)

    def _step_silent(self, probability: float, frame_end: int) -> Edge | None:
        self._run = self._run + 1 if probability >= self.threshold else 0
        if self._run < self._start_frames:
            return None
        return self._turn(True, frame_end - self._run * VAD_FRAME_SAMPLES)

    def _step_active(self, probability: float, frame_end: int) -> Edge | None:
        self._run = self._run + 1 if probability < self.threshold - RELEASE_MARGIN else 0
        if self._run < self._stop_frames:
            return None
        return self._turn(False, frame_end - self._run * VAD_FRAME_SAMPLES)

    def _turn(self, active: bool, sample: int) -> Edge:
        self._active, self._run = active, 0
        return Edge("started" if active else "stopped", sample)

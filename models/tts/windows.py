"""Sound in windows: which frames are rendered together, and how their edges meet. Pure.

A convolutional vocoder needs some frames on both sides of those whose sound is wanted, and its harmonic source
starts at phase zero wherever it is started. So each window is rendered with context, its pitch contour is nudged
within that context so that its harmonics arrive in the phase which the whole phrase would have had, and
neighbours are faded into each other over 20 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAME_SAMPLES = 600
"""25 ms at 24 kHz."""
SIZES = (20, 28, 44, 64)
"""Frames of the first window, the second, ...; the last holds for the rest. The first is soon there, and each next
one is done before the one before has been played."""
AT_ONCE = 56
"""A phrase of so few frames is one window, and exactly what the whole graph says."""
LEFT, RIGHT = 8, 4
"""Frames of context: the vocoder looks some 4 to either side, and 2 are nudged (docs/voice.md has the measurements)."""
SHORTEST = 20
"""What would be a last window of fewer frames is rendered with the one before, which has most of it as context."""
FADE = 480
NUDGED = 4
"""Values of the contour (12.5 ms each) over which the phase is corrected."""
VALUE_S = 0.0125


@dataclass(frozen=True, slots=True)
class Window:
    """Frames [start, end) out of [first, last), which are rendered."""

    start: int
    end: int
    first: int
    last: int

    def whole(self, begin: int, frames: int) -> bool:
        """Whether this is all of a phrase that is rendered from `begin`."""
        return self.start == begin and self.end == frames


def windows(frames: int, *, begin: int = 0, sizes: Sequence[int] = SIZES) -> Iterator[Window]:
    """Windows that together cover [begin, frames)."""
    start, index = begin, 0
    if 0 < frames - begin <= AT_ONCE:
        yield Window(begin, frames, max(0, begin - LEFT), frames)
        return
    while start < frames:
        end = start + sizes[min(index, len(sizes) - 1)]
        if frames - end < SHORTEST:
            end = frames
        yield Window(start, end, max(0, start - LEFT), min(frames, end + RIGHT))
        start, index = end, index + 1


def in_phase(pitch: Floats, window: Window) -> Floats:
    """The window's part of a pitch contour (Hz, [1, 2 * frames]), nudged to the phase of the whole."""
    part = pitch[:, 2 * window.first : 2 * window.last].copy()
    cycles = float(pitch[0, : 2 * window.first].sum(dtype=np.float64)) * VALUE_S
    part[:, :NUDGED] += np.float32((cycles - round(cycles)) / VALUE_S / NUDGED)
    return part


class Joiner:
    """Joins the sound of windows; what `add` gives can be played."""

    def __init__(self) -> None:
        self._tail: Floats = np.zeros(0, np.float32)

    def add(self, rendered: Floats, window: Window, *, final: bool) -> Floats:
        """Sound up to half a fade before the window's end, and of the final one to the end."""
        half = FADE // 2
        begin = (window.start - window.first) * FRAME_SAMPLES - (half if len(self._tail) else 0)
        end = (window.end - window.first) * FRAME_SAMPLES + (0 if final else half)
        sound = rendered[begin:end].copy()
        if len(self._tail):
            rise = np.linspace(0, 1, FADE, dtype=np.float32)
            sound[:FADE] = self._tail * (1 - rise) + sound[:FADE] * rise
        if final:
            self._tail = sound[:0]
            return sound
        self._tail = sound[-FADE:]
        return sound[:-FADE]

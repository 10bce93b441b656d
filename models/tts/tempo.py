"""A phrase said faster: what is to sound, resampled in time. Pure.

The model lays phonemes out on frames of 25 ms, and most of them last one or two. So at rate 1.3 a layout has to
drop every third short sound by half or not at all, and words get lost. What is to sound, two columns a frame, may be
interpolated instead: all sounds keep their shares, and what the model made of their neighbours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .contours import VOICED_HZ
from .timing import WordFrames

Floats = NDArray[np.float32]


def columns(count: int, rate: float) -> int:
    """Columns, two a frame, that are left of `count` at this rate; at least one frame."""
    return max(2, 2 * round(count / 2 / rate))


def resampled(values: Floats, count: int) -> Floats:
    """`values` [..., n] at `count` places spread evenly over them, [..., count]; linear between."""
    n = values.shape[-1]
    if n == count:
        return values
    at = np.clip((np.arange(count) + 0.5) * n / count - 0.5, 0, n - 1)
    below = at.astype(np.int64)
    share = (at - below).astype(np.float32)
    between: Floats = values[..., below] * (1 - share) + values[..., np.minimum(below + 1, n - 1)] * share
    return between


def resampled_pitch(pitch: Floats, count: int) -> Floats:
    """The same of a contour in Hz [1, n]; halfway between a voice and none is one or the other, not a lower voice."""
    n = pitch.shape[-1]
    nearest = pitch[:, np.minimum(((np.arange(count) + 0.5) * n / count).astype(np.int64), n - 1)]
    voiced = resampled((pitch > VOICED_HZ).astype(np.float32), count)
    return np.where((voiced > 0) & (voiced < 1), nearest, resampled(pitch, count))


def hastened(words: tuple[WordFrames, ...], factor: float) -> tuple[WordFrames, ...]:
    """The words' times, of a phrase that lasts `factor` of what it did."""
    return tuple(replace(word, start=word.start * factor, end=word.end * factor) for word in words)

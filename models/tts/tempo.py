"""A phrase said faster: what is to sound, thinned out in time. Pure.

The model lays phonemes out on frames of 25 ms, and most of them last one or two. So at rate 1.3 a layout of whole
frames has to drop every third short sound by half or not at all, and words get lost. What is to sound has two columns
a frame: leaving some out, evenly, keeps every sound's share and what the model made of its neighbours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .contours import VOICED_HZ
from .timing import WordFrames

Floats = NDArray[np.float32]


def hastened(columns: int, rate: float) -> int:
    """Columns, two a frame, that are left of so many in whole frames; rates up to 1 leave all."""
    return max(2, 2 * round(columns / 2 / max(rate, 1.0)))


def thinned(values: Floats, count: int) -> Floats:
    """`count` of the columns of `values` [..., n], spread evenly. Means of two would blur them, which is heard."""
    n = values.shape[-1]
    return values if n == count else values[..., _places(n, count).round().astype(np.int64)]


def resampled(values: Floats, count: int) -> Floats:
    """`values` [..., n] at `count` places spread evenly over them, [..., count]; linear between."""
    n = values.shape[-1]
    if n == count:
        return values
    at = _places(n, count)
    below = at.astype(np.int64)
    share = (at - below).astype(np.float32)
    between: Floats = values[..., below] * (1 - share) + values[..., np.minimum(below + 1, n - 1)] * share
    return between


def resampled_pitch(pitch: Floats, count: int) -> Floats:
    """The same of a contour in Hz [1, n]; halfway between a voice and none is one or the other, not a lower voice."""
    voiced = resampled((pitch > VOICED_HZ).astype(np.float32), count)
    return np.where((voiced > 0) & (voiced < 1), thinned(pitch, count), resampled(pitch, count))


def sooner(words: tuple[WordFrames, ...], share: float) -> tuple[WordFrames, ...]:
    """The words of a phrase that lasts `share` of what it did."""
    return tuple(replace(word, start=word.start * share, end=word.end * share) for word in words)


def _places(n: int, count: int) -> NDArray[np.float64]:
    return np.clip((np.arange(count) + 0.5) * n / count - 0.5, 0, n - 1)

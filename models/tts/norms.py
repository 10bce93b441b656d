"""What the norms of a whole phrase would find, told from what is to sound: so windows sound like the phrase. Pure.

Kokoro's vocoder normalises each channel by its mean and variance over the phrase. A window has others: it may hold
less silence, or one vowel. But both follow, nearly linearly, from averages over what the vocoder is given, and that is
known of the whole phrase before any of it sounds. A linear map of low rank (`affetto train norms`) tells them, for the
voices that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FILE = Path(__file__).with_name("norms.npz")
SPEAKER = 128
"""Numbers of a voice that its sound depends on; the others are its prosody."""
VOICED_HZ = 60.0
LEAST_VARIANCE = 1e-6


def described(detail: Floats, pitch: Floats, energy: Floats, style: Floats) -> Floats:
    """A stretch of speech in averages [m]: `detail` [1, 512, n], the contours [1, n] of the same frames, the voice."""
    height = np.log(np.maximum(pitch[0], 20.0))
    contours = [float(np.mean(pitch > VOICED_HZ)), height.mean(), height.std(), energy.mean(), energy.std()]
    columns = detail[0]
    averages = [columns.mean(1), np.sqrt(np.square(columns).mean(1)), np.maximum(columns, 0).mean(1)]
    return np.concatenate([*averages, style[0, :SPEAKER], contours]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Norms:
    """The map: from m averages over r components to n statistics."""

    centre: Floats
    """[m]."""
    scale: Floats
    """[m]."""
    inward: Floats
    """[m, r]."""
    outward: Floats
    """[r, n]."""
    usual: Floats
    """[n]: of the stretches trained on; the first half are means, in units, the second logarithms of variances."""
    unit: Floats
    """[n / 2]: the usual deviation of each channel."""
    voices: frozenset[str]
    """Voices that the map is good for."""

    def told(self, described: Floats) -> Floats:
        """Statistics [n] for a stretch of speech as `described`."""
        counted = self.usual + ((described - self.centre) / self.scale) @ self.inward @ self.outward
        means, variances = np.split(counted, 2)
        return np.concatenate([means * self.unit, np.exp(variances)]).astype(np.float32)


@cache
def trained() -> Norms:
    """The map that ships."""
    with np.load(FILE, allow_pickle=False) as kept:
        numbers = {name: kept[name].astype(np.float32) for name in kept.files if name != "voices"}
        return Norms(**numbers, voices=frozenset(map(str, kept["voices"])))

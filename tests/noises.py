"""Voices of noise, for tests that need different ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from affetto.models.base import Samples


def voice(seed: int, seconds: float, rate_hz: int) -> Samples:
    """Sounds of random loudness, twenty a second, in each of eight bands by itself."""
    count = int(seconds * 20)
    loudness = np.random.default_rng(seed).uniform(0, 1, (8, count)) ** 2
    noise = np.random.default_rng(seed + 1).normal(0, 0.1, count * rate_hz // 20)
    hertz, spectrum = np.fft.rfftfreq(len(noise), 1 / rate_hz), np.fft.rfft(noise)
    edges = np.geomspace(150, 5500, 9)
    bands = [np.fft.irfft(spectrum * ((hertz >= low) & (hertz < high))) for low, high in pairwise(edges)]
    loud = np.repeat(loudness, rate_hz // 20, axis=1)
    return np.asarray((np.array(bands) * loud).sum(axis=0), np.float32)

"""Is the voice over ours our own, come back through the user's microphone? We know what we play.

Compares how the loudness of each band of frequencies goes up and down, in the microphone and in what was played, over a
range of delays: an echo follows ours in every band at once, at some delay; a person does not, even one who begins to
speak just when we do. Loudness survives rooms and loudspeakers where waveforms do not. Figures: docs/timing.md.
"""

from __future__ import annotations

from collections import deque
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

HOP_S, WINDOW_S = 0.01, 0.032
BANDS_HZ = np.geomspace(150, 5500, 13)
"""Edges of the bands; between them lies what a small loudspeaker plays and a telephone's microphone hears."""
LONGEST_DELAY_S = 0.5
"""Loudspeaker, air, microphone, network: echoes later than this are not looked for."""
SHORTEST_S = 0.2
"""Less than this of the microphone says nothing."""
SILENT = 1e-3
"""Level, of full scale, below which we played nothing."""
LOUD = 0.25
"""Share of the microphone's highest level from which somebody speaks. Who speaks for `SHORTEST_S` while, at that delay,
we were silent is no echo, however alike the rest is."""
KEPT_S = 3.0
"""Longer than any voice is listened to before it is judged, and the longest delay."""
LIKE_AT_S, LIKE = (0.3, 0.5, 0.8, 1.4), (0.8, 0.65, 0.55, 0.47)
"""Seconds heard, and likeness from which it is an echo; straight between. The less was heard, the more alike two
voices are by chance (`affetto eval echo`)."""


class FarEnd:
    """What was played in the last seconds, by wall time. Nothing is computed until somebody speaks over it."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, NDArray[np.int16], int]] = deque()

    def add(self, samples: NDArray[np.int16], rate_hz: int, wall: float) -> None:
        """Note audio, int16 [n] at a rate of 11 kHz or more, whose first sample is played at `wall`."""
        self._pieces.append((wall, samples, rate_hz))
        while self._pieces[0][0] < wall - KEPT_S:
            self._pieces.popleft()

    def likeness(self, audio: Samples, wall: float) -> float:
        """Highest likeness of the microphone, float32 [n] at 16 kHz ending at `wall`, with ours at any delay: the mean
        over the bands of Pearson's correlation, 0..1; 0 if unknown."""
        if len(audio) < (SHORTEST_S + WINDOW_S) * HEARING_RATE_HZ or not self._pieces:
            return 0.0
        near, heard = _bands(audio, HEARING_RATE_HZ)
        far, played = self._played(wall, len(near) + round(LONGEST_DELAY_S / HOP_S))
        spoke_first = (sliding_window_view(played, len(near)) <= SILENT) & (heard > SILENT + heard.max() * LOUD)
        own = spoke_first.sum(axis=1) * HOP_S >= SHORTEST_S
        return max(0.0, float(np.where(own, 0, _correlations(near, far)).max()))

    def _played(self, wall: float, hops: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Bands and levels of the `hops` hops of ours that end at `wall`; silence where we played nothing."""
        rate_hz = self._pieces[-1][2]
        track = np.zeros((hops - 1) * int(HOP_S * rate_hz) + int(WINDOW_S * rate_hz), np.float32)
        for when, piece, piece_rate_hz in self._pieces:
            first = len(track) - round((wall - when) * rate_hz)
            begin, end = max(0, -first), min(len(piece), len(track) - first)
            if begin < end and piece_rate_hz == rate_hz:
                track[first + begin : first + end] = piece[begin:end]
        return _bands(track / np.float32(32768), rate_hz)


def is_echo(likeness: float, heard_s: float) -> bool:
    """Whether so much likeness over so long a time can hardly be chance."""
    return likeness >= float(np.interp(heard_s, LIKE_AT_S, LIKE))


def _bands(audio: Samples, rate_hz: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Magnitude in each band [n, bands], and level (root mean square) [n], of windows a hop apart."""
    windows = sliding_window_view(audio, int(WINDOW_S * rate_hz))[:: int(HOP_S * rate_hz)]
    shape, weights = _filters(rate_hz)
    power = np.abs(np.fft.rfft(windows * shape)) ** 2
    level = np.sqrt(np.einsum("ij,ij->i", windows, windows) / windows.shape[1])
    return np.sqrt(power @ weights).astype(np.float32), level.astype(np.float32)


@cache
def _filters(rate_hz: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The window [samples], and what of each frequency belongs to a band [frequencies, bands]."""
    length = int(WINDOW_S * rate_hz)
    hertz = np.fft.rfftfreq(length, 1 / rate_hz)[:, None]
    inside = (hertz >= BANDS_HZ[:-1]) & (hertz < BANDS_HZ[1:])
    return np.hanning(length).astype(np.float32), inside.astype(np.float32)


def _correlations(near: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pearson's, of one stretch [n, bands] with each as long of a longer one [m, bands], the mean of the bands; a band
    where either is flat counts as 0."""
    near = near - near.mean(axis=0)
    both = np.stack([np.correlate(ours, theirs, "valid") for ours, theirs in zip(far.T, near.T, strict=True)], axis=1)
    scale = np.sqrt(_spread(far, len(near)) * np.einsum("nb,nb->b", near, near))
    alike = np.divide(both, scale, out=np.zeros_like(scale), where=scale > 1e-9)
    return np.asarray(alike.mean(axis=1), np.float32)


def _spread(far: NDArray[np.float32], length: int) -> NDArray[np.float64]:
    """Sum of squared differences from the mean, of each stretch of `length` in [m, bands]."""
    first, second = (np.cumsum(np.pad(far.astype(np.float64) ** power, ((1, 0), (0, 0))), axis=0) for power in (1, 2))
    total, squares = first[length:] - first[:-length], second[length:] - second[:-length]
    return np.maximum(squares - total**2 / length, 0.0)

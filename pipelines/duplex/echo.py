"""Is the voice over ours our own, come back through the user's microphone? We know what we play.

Compares energy envelopes of the microphone and of what was played, over a range of delays: an echo follows
ours in step, at some delay; a person does not. Envelopes survive rooms and loudspeakers where waveforms do not.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

HOP_S = 0.01
LONGEST_DELAY_S = 0.5
"""Loudspeaker, air, microphone, network: echoes later than this are not looked for."""
SHORTEST_S = 0.2
"""Less than this of the microphone says nothing."""
SILENT = 1e-3
"""Level, of full scale, below which we played nothing."""
LOUD = 0.25
"""Share of the microphone's highest level from which somebody speaks. Who speaks for `SHORTEST_S` while, at that delay,
we were silent is no echo, however alike the rest is: two voices that begin together are alike by that alone."""
KEPT_S = 6.0
LIKE = (0.3, 0.9), (0.8, 0.62)
"""Seconds heard, and likeness from which it is an echo; straight between. Of 0.3 s the envelopes of two people are
as alike as 0.82 in one of ten cases, of 0.8 s as 0.56; echoes in rooms are alike by 0.7 and more (docs/timing.md)."""


class FarEnd:
    """The envelope of the last seconds that were played, by wall time."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, NDArray[np.float32]]] = deque()

    def add(self, samples: NDArray[np.int16], rate_hz: int, wall: float) -> None:
        """Note audio whose first sample is played at `wall`."""
        levels = envelope(samples.astype(np.float32), rate_hz) / 32768.0
        self._pieces.append((wall, levels))
        while self._pieces[0][0] < wall - KEPT_S:
            self._pieces.popleft()

    def likeness(self, audio: Samples, wall: float) -> float:
        """Highest correlation of the microphone's envelope, ending at `wall`, with ours at any delay; 0 if unknown."""
        near = envelope(audio, HEARING_RATE_HZ)
        if len(near) < SHORTEST_S / HOP_S or not self._pieces:
            return 0.0
        delays = round(LONGEST_DELAY_S / HOP_S)
        far = self._played(wall, len(near) + delays)
        played = sliding_window_view(far, len(near))
        spoke_first = (played <= SILENT) & (near > SILENT + near.max() * LOUD)
        own = spoke_first.sum(axis=1) * HOP_S >= SHORTEST_S
        return max(0.0, float(np.where(own, 0, _correlations(near, played)).max()))

    def _played(self, wall: float, hops: int) -> NDArray[np.float32]:
        """Our levels in the `hops` hops that end at `wall`; silence where we played nothing."""
        levels = np.zeros(hops, np.float32)
        for when, piece in self._pieces:
            first = hops - 1 - round((wall - when) / HOP_S)
            begin, end = max(0, -first), min(len(piece), hops - first)
            if begin < end:
                levels[first + begin : first + end] = piece[begin:end]
        return levels


def is_echo(likeness: float, heard_s: float) -> bool:
    """Whether so much likeness over so long a time can hardly be chance."""
    (short, high), (long, low) = LIKE
    share = min(1.0, max(0.0, (heard_s - short) / (long - short)))
    return likeness >= high + share * (low - high)


def envelope(audio: Samples, rate_hz: int) -> NDArray[np.float32]:
    """Root of the energy in hops of `HOP_S`, shape [n]; the rest that fills no hop is left out."""
    hop = int(rate_hz * HOP_S)
    count = len(audio) // hop
    hops = audio[: count * hop].reshape(count, hop)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", hops, hops) / hop), np.float32)


def _correlations(near: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pearson's, of one stretch [n] with each of many [m, n]; 0 where either is flat."""
    near = near - near.mean()
    far = far - far.mean(axis=1, keepdims=True)
    scale = np.sqrt((near @ near) * np.einsum("ij,ij->i", far, far))
    return np.asarray(np.divide(far @ near, scale, out=np.zeros(len(far), np.float32), where=scale > 1e-9))

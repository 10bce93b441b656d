"""Is the voice over ours our own, come back through the user's microphone? We know what we play.

Compares energy envelopes of the microphone and of what was played, over a range of delays: an echo follows
ours in step, at some delay; a person does not. Envelopes survive rooms and loudspeakers where waveforms do not.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

HOP_S = 0.01
LONGEST_DELAY_S = 0.5
"""Loudspeaker, air, microphone, network: echoes later than this are not looked for."""
SHORTEST_S = 0.2
"""Less than this of the microphone says nothing."""
KEPT_S = 6.0
LIKE = (0.3, 0.9), (0.8, 0.62)
"""Seconds heard, and likeness from which it is an echo; straight between. Of 0.3 s the envelopes of two people are
as alike as 0.82 in one of ten cases, of 0.8 s as 0.56; echoes in rooms are alike by 0.7 and more (docs/timing.md)."""


class FarEnd:
    """The envelope of the last seconds that were played, by wall time."""

    def __init__(self) -> None:
        self._hops: deque[tuple[float, float]] = deque()

    def add(self, samples: NDArray[np.int16], rate_hz: int, wall: float) -> None:
        """Note audio whose first sample is played at `wall`."""
        levels = envelope(samples.astype(np.float32) / 32768.0, rate_hz)
        self._hops.extend((wall + i * HOP_S, float(level)) for i, level in enumerate(levels))
        while self._hops and self._hops[0][0] < wall - KEPT_S:
            self._hops.popleft()

    def likeness(self, audio: Samples, wall: float) -> float:
        """Highest correlation of the microphone's envelope, ending at `wall`, with ours at any delay; 0 if unknown."""
        near = envelope(audio, HEARING_RATE_HZ)
        if len(near) < SHORTEST_S / HOP_S or not self._hops:
            return 0.0
        delays = round(LONGEST_DELAY_S / HOP_S)
        far = self._played(wall, len(near) + delays)
        return max(0.0, max(_correlation(near, far[delays - d : delays - d + len(near)]) for d in range(delays + 1)))

    def _played(self, wall: float, hops: int) -> NDArray[np.float32]:
        """Our levels in the `hops` hops that end at `wall`; silence where we played nothing."""
        levels = np.zeros(hops, np.float32)
        for when, level in self._hops:
            index = hops - 1 - round((wall - when) / HOP_S)
            if 0 <= index < hops:
                levels[index] = level
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
    return np.asarray(np.sqrt(np.mean(audio[: count * hop].reshape(count, hop) ** 2, axis=1)), np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-9 else 0.0

"""Cuts long speech into pieces a recogniser can take, at its quietest places. Pure."""

from __future__ import annotations

import numpy as np

from ..base import HEARING_RATE_HZ, Samples

HOP = HEARING_RATE_HZ // 50


def cut_points(audio: Samples, longest_s: float, search_s: float = 6.0) -> list[tuple[int, int]]:
    """Spans [start, end) that cover the audio, each at most `longest_s` long, cut where it is quietest
    in the last `search_s` of the allowed length."""
    longest, search = int(longest_s * HEARING_RATE_HZ), int(search_s * HEARING_RATE_HZ)
    spans: list[tuple[int, int]] = []
    start = 0
    while len(audio) - start > longest:
        end = start + longest - search + _quietest(audio[start + longest - search : start + longest])
        spans.append((start, end))
        start = end
    spans.append((start, len(audio)))
    return spans


def _quietest(audio: Samples) -> int:
    """Middle of the quietest 200 ms, in samples."""
    count = len(audio) // HOP
    energy = np.square(audio[: count * HOP]).reshape(count, HOP).mean(axis=1)
    smooth = np.convolve(energy, np.ones(10) / 10, mode="valid")
    return (int(np.argmin(smooth)) + 5) * HOP

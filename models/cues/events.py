"""Sounds that are no words, as spans: from the probability of each in each frame. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..base import EventSpan
from ..labels import VocalEvent
from .features import HOP

Floats = NDArray[np.float32]

SMOOTHED_FRAMES = 9
"""Mean over 180 ms, about the length of a cough's burst."""
SHORTEST_S = 0.14
JOINED_S = 0.3
"""Gaps shorter than this lie inside one laugh, one fit of coughing."""
HELD_SHARE = 0.6
"""An event goes on while its probability stays above this share of the threshold that it began with."""


def smoothed(probabilities: Floats) -> Floats:
    """Mean over neighbouring frames, [n, K]."""
    window = min(SMOOTHED_FRAMES, max(1, len(probabilities)))
    kernel = np.ones(window) / window
    counts = np.convolve(np.ones(len(probabilities)), kernel, "same")[:, None]
    columns = [np.convolve(column, kernel, "same") for column in probabilities.T]
    return np.asarray(np.stack(columns, axis=1) / counts, np.float32)


def spans(
    probabilities: Floats, names: Sequence[str], thresholds: Mapping[str, float], speech: NDArray[np.bool_]
) -> tuple[EventSpan, ...]:
    """Events in order of time. `probabilities` [n, K] with column i for `names[i]`; the first is "none".

    Where several claim a frame, the likeliest has it; silence (`speech` false) holds none.
    """
    if not len(probabilities):
        return ()
    smooth = smoothed(probabilities)
    likeliest = smooth.argmax(axis=1)
    found: list[EventSpan] = []
    for column, name in enumerate(names):
        if name == "none":
            continue
        threshold = thresholds[name]
        held = (smooth[:, column] >= threshold * HELD_SHARE) & (likeliest == column) & speech
        for start, end in joined(runs(held), JOINED_S):
            peak = float(smooth[start:end, column].max())
            if peak >= threshold and (end - start) * HOP >= SHORTEST_S * 16_000:
                found.append(EventSpan(VocalEvent(name), start * HOP, end * HOP, peak))
    return tuple(sorted(found, key=lambda span: (span.start, span.end)))


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of true, as (first, one after the last)."""
    steps = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def joined(stretches: list[tuple[int, int]], gap_s: float) -> list[tuple[int, int]]:
    """The same with short gaps closed."""
    out: list[tuple[int, int]] = []
    for start, end in stretches:
        if out and (start - out[-1][1]) * HOP < gap_s * 16_000:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out

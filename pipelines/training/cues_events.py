"""Frames with the sound that each holds, from spliced recordings and whole clips: examples for the event head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.cues import events, heads
from . import fitting

NAMES = ("none", "laugh", "cough", "sneeze", "sigh", "sob")
"""Sounds that the data holds, "none" first. Gasps, yawns, sniffs and cleared throats have no recordings here."""
HIDDEN = 48
EPOCHS = 6
LOWEST = 0.3
MOST_FRAMES = 60
"""Frames taken of one recording, so that long ones do not rule."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sounding:
    """Encoder frames [n, WIDTH], which hold sound at all, and the event in [start, end) frames; "none" has no span.

    `group` is what must stay on one side of a split.
    """

    frames: Floats
    speech: NDArray[np.bool_]
    event: str
    start: int
    end: int
    group: str
    corpus: str


def fit(examples: Sequence[Sounding], *, seed: int) -> tuple[heads.Layers, Floats, Floats]:
    """The head, and the mean and scale of its frames."""
    rng = np.random.default_rng(seed)
    rows, kinds = zip(*(_rows(example, rng) for example in examples), strict=True)
    x, y = np.concatenate(rows), np.concatenate(kinds)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    targets = np.eye(len(NAMES), dtype=np.float32)[y] * 0.96 + 0.04 / len(NAMES)
    counts = np.bincount(y, minlength=len(NAMES))
    weights = (counts.max() / np.maximum(counts, 1)) ** 0.5
    x = np.clip((x - mean) / scale, -heads.LIMIT, heads.LIMIT)
    layers = fitting.network(x, targets, weights[y].astype(np.float32), hidden=HIDDEN, seed=seed, epochs=EPOCHS)
    return layers, mean.astype(np.float32), scale.astype(np.float32)


def _rows(example: Sounding, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int_]]:
    index = np.arange(len(example.frames))
    inside = (index >= example.start) & (index < example.end)
    kinds = np.where(inside, NAMES.index(example.event), 0)
    held = np.flatnonzero(example.speech)
    if len(held) > MOST_FRAMES:
        held = np.sort(rng.choice(held, MOST_FRAMES, replace=False))
    return np.asarray(example.frames[held], np.float32), kinds[held]


def peaks(layers: heads.Layers, mean: Floats, scale: Floats, example: Sounding) -> Floats:
    """The highest probability of each sound in a span that would be reported, [K]."""
    x = np.clip((example.frames.astype(np.float32) - mean) / scale, -heads.LIMIT, heads.LIMIT)
    lowest = dict.fromkeys(NAMES, LOWEST)
    out = np.zeros(len(NAMES), np.float32)
    for span in events.spans(heads.softmax(layers(x)), NAMES, lowest, example.speech):
        column = NAMES.index(span.event)
        out[column] = max(out[column], span.probability)
    return out

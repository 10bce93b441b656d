"""A turn as the cue heads take it: the recogniser's frames where somebody speaks, and the turn in numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base import HEARING_RATE_HZ, Encoding, Samples
from . import descriptors
from .styles import Contours

HOP = 320
"""Samples a frame of the recogniser's encoding: 20 ms."""
WIDTH = 512
FEWEST_FRAMES = 5
"""With less speech than this the whole stretch counts as spoken."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Turn:
    """`frames` [n, WIDTH], which of them hold `speech` [n], and `numbers` of the whole.

    `numbers` holds mean and deviation over the speech frames, then the functionals of `descriptors`, nan where
    nothing could be measured: [2 * WIDTH + F].
    """

    frames: Floats
    speech: NDArray[np.bool_]
    numbers: Floats


def of(audio: Samples, encoding: Encoding, contours: Contours) -> Turn:
    """Measure and pool one turn.

    Raises:
        ValueError: the encoding is not of the kind that the heads were trained on.
    """
    frames = np.asarray(encoding.frames, np.float32)
    if encoding.hop_samples != HOP or frames.ndim != 2 or frames.shape[1] != WIDTH:
        shape = (*frames.shape, encoding.hop_samples)
        raise ValueError(f"the cue heads read Whisper base's encoding ([n, {WIDTH}], hop {HOP}), not {shape}")
    named = descriptors.functionals(descriptors.low_level(audio), contours.pitch_hz, contours.speech)
    speech = spoken(contours.speech, len(frames))
    return Turn(frames, speech, pooled(frames[speech], named))


def spoken(hops: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Which of `count` frames of 20 ms hold speech, from hops of 10 ms."""
    pairs = (hops[: len(hops) // 2 * 2 : 2] | hops[1 : len(hops) // 2 * 2 : 2])[:count]
    mask = np.pad(pairs, (0, count - len(pairs)))
    return mask if mask.sum() >= FEWEST_FRAMES else np.ones(count, np.bool_)


def pooled(frames: Floats, named: dict[str, float]) -> Floats:
    """Mean and deviation over frames, then the named numbers in their order."""
    parts = [frames.mean(axis=0), frames.std(axis=0), np.array(list(named.values()))]
    return np.concatenate(parts).astype(np.float32)


def seconds(audio: Samples) -> float:
    return len(audio) / HEARING_RATE_HZ

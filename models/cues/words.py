"""What the words alone would make one expect, and whether the voice says otherwise. Trusts neither blindly.

"I'm fine." said flat, or with tears in it, is the case that matters: the words are content, the voice is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..appraisal.heads import Head
from ..labels import Emotion
from . import families

Floats = NDArray[np.float32]

BEYOND_CHANCE = 0.3
"""Conflict from which it is worth saying."""

_VALENCE = {
    Emotion.NEUTRAL: 0,
    Emotion.HAPPY: 1,
    Emotion.SAD: -1,
    Emotion.ANGRY: -1,
    Emotion.AFRAID: -1,
    Emotion.DISGUSTED: -1,
}
"""Side of each family; surprise takes no side and conflicts with nothing."""


def conflict(voice: Mapping[Emotion, float], words: Mapping[Emotion, float]) -> float:
    """How surely voice and words disagree, beyond chance, in [0, 1]; both are distributions over labels.

    The expected disagreement of the two, less what a voice without any leaning would give with the same words,
    scaled as Cohen's kappa is (Cohen 1960). Opposite sides disagree wholly, a plain voice or plain words by half.
    """
    heard, read = _scaled(families.gathered(voice)), _scaled(families.gathered(words))
    leaning = {family: 1 / len(families.HEADS) for family in families.HEADS}
    observed, chance = _disagreement(heard, read), _disagreement(leaning, read)
    return min(1.0, max(0.0, (observed - chance) / (1 - chance)))  # sums of shares may be 1 and a rounding


def _disagreement(voice: Mapping[Emotion, float], words: Mapping[Emotion, float]) -> float:
    return sum(p * q * _apart(a, b) for a, p in voice.items() for b, q in words.items())


def _apart(a: Emotion, b: Emotion) -> float:
    if a not in _VALENCE or b not in _VALENCE:
        return 0.0
    return abs(_VALENCE[a] - _VALENCE[b]) / 2


def _scaled(distribution: Mapping[Emotion, float]) -> dict[Emotion, float]:
    total = max(sum(distribution.values()), 1e-9)
    return {label: probability / total for label, probability in distribution.items()}


class Words:
    """The head over a sentence vector (MiniLM, [384])."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as data:
            self._head = Head(data["weight"].astype(np.float32), data["bias"], float(data["temperature"]))

    def expected(self, sentence: Floats) -> dict[Emotion, float]:
        """Probability of each family of emotion."""
        probabilities = self._head.softmax(sentence)
        return dict(zip(families.HEADS, map(float, probabilities), strict=True))


def save(path: Path, head: Head) -> None:
    np.savez_compressed(
        path, weight=head.weight.astype(np.float16), bias=head.bias, temperature=np.float32(head.temperature)
    )

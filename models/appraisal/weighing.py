"""The voice against the words: a voice model is wrong at times, and then clear words stand. Pure.

Words say the sign of a feeling (glad, heavy) more surely than which it is. Where they are clear and the voice's
reading has the other sign, neither is trusted blindly: the words' feeling is taken, as no more than a guess.
Thresholds by held-out stories, with their own cues and with those of other turns (docs/empathy.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..labels import Emotion, sign

CLEAR_FROM = 0.8
"""Probability of a sign, by the words alone, from which they stand against the voice."""
LEANING_FROM = 0.7
"""From which the voice's reading is but a guess."""
GUESS = 0.4
"""Most that is claimed for a guess."""

SIGN = np.array([sign(emotion) for emotion in Emotion])


def weighed(heard: NDArray[np.float32], words: NDArray[np.float32]) -> tuple[int, float]:
    """Which emotion (its index), and how surely.

    `heard` and `words` are probabilities of all emotions: by words and voice together, and by the words alone.
    """
    felt = int(heard.argmax())
    sure = float(heard[felt])
    against = float(words[-SIGN[felt] == SIGN].sum()) if SIGN[felt] else 0.0
    if against >= CLEAR_FROM:
        felt = int(np.where(-SIGN[felt] == SIGN, words, 0).argmax())
        return felt, min(GUESS, float(words[felt]))
    return felt, min(GUESS, sure) if against >= LEANING_FROM else sure

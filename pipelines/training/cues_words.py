"""The head that says what words alone would make one expect: on remarks (GoEmotions) and turns (the corpus)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.appraisal.heads import Head
from ...models.cues.families import HEADS, OF_WORDS
from ...models.cues.heads import softmax
from ..evaluation import measures
from . import fitting
from .corpus import Example
from .cues_emotion import temperature
from .goemotions import Remark
from .split import is_held_out

L2 = 1e-3
SPREAD = float(np.sqrt(384))
"""Numbers of a sentence vector of length 1 are this much smaller than 1."""
REMARKS_ASIDE = 10
"""Every tenth remark is held out."""
MOST_REMARKS = 700
"""Remarks of each label."""
TURN_WEIGHT = 2.0
"""A turn of spoken dialogue counts for so many remarks of a forum."""

Floats = NDArray[np.float32]


def train(
    examples: Sequence[Example], remarks: Iterable[Remark], embed: Callable[[str], Floats]
) -> tuple[Head, dict[str, Any]]:
    """Fit on all but the held-out stories and remarks, which set the temperature and give the figures.

    Turns whose plan says that voice and words conflict are left out: there the label is not of the words.
    """
    turns = [example for example in examples if not example.plan.conflict and example.situation.text.strip()]
    held = np.array([is_held_out(example.dialogue) for example in turns])
    texts = [example.situation.text for example in turns]
    labels = [OF_WORDS[example.plan.emotion] for example in turns]
    more = list(remarks)
    x = np.array([embed(text) for text in [*texts, *(remark.text for remark in more)]])
    y = np.array([HEADS.index(label) for label in [*labels, *(OF_WORDS[remark.emotion] for remark in more)]])
    counts = np.bincount(y, minlength=len(HEADS))
    weights = np.concatenate([np.full(len(texts), TURN_WEIGHT), np.ones(len(more))])
    weights *= (counts.max() / np.maximum(counts, 1))[y] ** 0.5
    aside = np.arange(len(more)) % REMARKS_ASIDE == 0
    seen = ~np.concatenate([held, aside])
    targets = np.eye(len(HEADS), dtype=np.float32)[y]
    layers = fitting.linear(x[seen] * SPREAD, targets[seen], weights[seen].astype(np.float32), l2=L2)
    sources = np.concatenate([np.zeros(len(texts)), np.ones(len(more))])[~seen]
    scores, truth = layers(x[~seen] * SPREAD), y[~seen]
    alike = 1 / np.bincount(sources.astype(int))[sources.astype(int)]
    warmth = temperature(scores, truth, alike.astype(np.float32))
    probabilities = softmax(scores / warmth)
    report: dict[str, Any] = {"seen": int(seen.sum()), "temperature": round(warmth, 3)}
    for number, name in enumerate(("turns", "remarks")):
        rows = sources == number
        report[name] = _figures(probabilities[rows], truth[rows])
    return Head(layers.weights[0] * SPREAD, layers.biases[0], warmth), report


def _figures(probabilities: Floats, truth: NDArray[np.int_]) -> dict[str, float]:
    guess = probabilities.argmax(axis=1)
    return {
        "n": len(truth),
        "uar": round(measures.uar(truth, guess), 4),
        "accuracy": round(float((guess == truth).mean()), 4),
        "ece": round(measures.ece(probabilities.max(axis=1), guess == truth), 4),
    }

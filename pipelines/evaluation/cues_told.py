"""What it costs to be sure: how much is told of voices, and how much of it is right, from each confidence on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.base import Baseline
from ...models.cues import heads
from ...models.cues.families import HEADS
from .cues_heard import Heard, baselines, read, running

COVERAGE_FROM = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NAMES = tuple(map(str, HEADS))
UNKNOWN = -1

Floats = NDArray[np.float32]
Bar = Callable[[int], float]
"""Confidence from which a feeling is told in a turn with so many of the speaker's behind it."""


def coverage(trained: heads.Heads, heard: Sequence[Heard], truth: NDArray[np.int_]) -> dict[str, Any]:
    """What it costs to be sure: from each confidence on, in how many recordings of a feeling one is told, and how many
    of the feelings told are right, at a speaker's first turn and over the turns so far."""
    found = {}
    for name, probabilities in _readings(trained, heard).items():
        sure, said = probabilities.max(axis=1), probabilities.argmax(axis=1)
        rows = []
        for least in COVERAGE_FROM:
            told = (sure >= least) & (said != heads.NEUTRAL)
            share = float(told[truth != heads.NEUTRAL].mean()) if (truth != heads.NEUTRAL).any() else 0.0
            right = round(float((said == truth)[told].mean()), 4) if told.any() else None
            rows.append({"from": least, "told": round(share, 4), "right": right})
        found[name] = rows
    return found


def told(trained: heads.Heads, heard: Sequence[Heard], bar: Bar) -> dict[str, Any]:
    """What a session would say of the recordings, labelled or not: a feeling, plain, or unknown."""
    turns = {"first_turn": np.zeros(len(heard), int), "running": np.array([b.voice_turns for b in baselines(heard)])}
    return {
        name: _sayings(probabilities, np.array([bar(int(count)) for count in turns[name]]), heard)
        for name, probabilities in _readings(trained, heard).items()
    }


def _readings(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Floats]:
    cold = read(trained, heard, [Baseline()] * len(heard), everyday=True)
    return {"first_turn": cold, "running": running(trained, heard, everyday=True)}


def _sayings(probabilities: Floats, needed: Floats, heard: Sequence[Heard]) -> dict[str, Any]:
    said = np.where(probabilities.max(axis=1) >= needed, probabilities.argmax(axis=1), UNKNOWN)
    feeling = (said != UNKNOWN) & (said != heads.NEUTRAL)
    counts = Counter("unknown" if number == UNKNOWN else NAMES[number] for number in said.tolist())
    found: dict[str, Any] = {
        "a_feeling": round(float(feeling.mean()), 4),
        "shares": {name: round(count / len(heard), 4) for name, count in counts.most_common()},
    }
    labelled = np.array([here.clip.families.max() > 0.5 for here in heard])
    if labelled.any():
        truth = np.array([int(here.clip.families.argmax()) for here in heard])
        found["a_wrong_feeling"] = round(float((feeling & (said != truth))[labelled].mean()), 4)
    return found

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
from .cues_heard import Heard, baselines, running

COVERAGE_FROM = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NAMES = tuple(map(str, HEADS))

Bar = Callable[[int], float]
"""Confidence from which a feeling is told in a turn with so many of the speaker's behind it."""


def coverage(trained: heads.Heads, heard: Sequence[Heard], truth: NDArray[np.int_]) -> dict[str, Any]:
    """What it costs to be sure: from each confidence on, the share of recordings that are told, and the share of those
    told that are right, at a speaker's first turn and over the turns so far."""
    cold = np.array([trained.families(trained.relative(h.numbers, Baseline())) for h in heard])
    found = {}
    for name, probabilities in (("first_turn", cold), ("running", running(trained, heard))):
        sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
        found[name] = [
            {
                "from": least,
                "told": round(float((sure >= least).mean()), 4),
                "right": round(float(right[sure >= least].mean()), 4) if (sure >= least).any() else None,
            }
            for least in COVERAGE_FROM
        ]
    return found


def told(trained: heads.Heads, heard: Sequence[Heard], bar: Bar) -> dict[str, Any]:
    """What a session would say of the recordings, labelled or not: a feeling, plain, or unknown."""
    cold = [(h, Baseline()) for h in heard]
    met = list(zip(heard, baselines(heard), strict=True))
    return {name: _sayings(trained, pairs, bar) for name, pairs in (("first_turn", cold), ("running", met))}


def _sayings(trained: heads.Heads, pairs: Sequence[tuple[Heard, Baseline]], bar: Bar) -> dict[str, Any]:
    said = Counter(_saying(trained, here, before, bar) for here, before in pairs)
    wrong = [
        saying not in ("neutral", "unknown") and saying != NAMES[int(here.clip.families.argmax())]
        for here, before in pairs
        if here.clip.families.max() > 0.5
        for saying in [_saying(trained, here, before, bar)]
    ]
    shares = {name: round(count / len(pairs), 4) for name, count in said.most_common()}
    feeling = sum(count for name, count in said.items() if name not in ("neutral", "unknown"))
    found: dict[str, Any] = {"a_feeling": round(feeling / len(pairs), 4), "shares": shares}
    return found | ({"a_wrong_feeling": round(float(np.mean(wrong)), 4)} if wrong else {})


def _saying(trained: heads.Heads, here: Heard, before: Baseline, bar: Bar) -> str:
    probabilities = trained.families(trained.relative(here.numbers, before))
    sure = float(probabilities.max())
    return NAMES[int(probabilities.argmax())] if sure >= bar(before.voice_turns) else "unknown"

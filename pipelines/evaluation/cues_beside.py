"""What is measured beside emotion: valence and arousal, annotators' votes, sounds, age and gender. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.cues import heads
from ...models.cues.baseline import with_turn
from ...models.cues.families import HEADS, affect
from ...models.labels import AgeBand, Gender
from ..training import cues_labels
from ..training.cues_data import ballot
from . import measures
from .cues_heard import Heard, baselines, running

AFFECT = ("valence", "arousal", "dominance")


def ratings(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Any]:
    """Concordance with ratings of valence, arousal and dominance, where there are at least two."""
    figures = {}
    for place, name in enumerate(AFFECT):
        rated = [(here, rating) for here in heard if (rating := _number(here.row.get(name))) is not None]
        if len(rated) > 1:
            said = running(trained, [here for here, _ in rated], everyday=True)
            ours = [affect(dict(zip(HEADS, map(float, row), strict=True)))[place] for row in said]
            figures[name] = round(measures.ccc(scaled(np.array([rating for _, rating in rated])), np.array(ours)), 4)
    return {"ccc": figures} if figures else {}


def scaled(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratings in [-1, 1]: some are negative, and the largest is the end of the scale, or they run from 1 to their top
    (5 and more), or from 0 to 1."""
    if np.abs(given).max() > 1:
        if given.min() < 0:
            return np.asarray(given / np.abs(given).max())
        return np.asarray(2 * (given - 1) / (max(5.0, float(np.ceil(given.max()))) - 1) - 1)
    return given if given.min() < 0 else 2 * given - 1


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def votes(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Any]:
    """Distance to what several annotators voted: Jensen-Shannon divergence, and that of even odds beside it."""
    voted = [(here, votes) for here in heard if (votes := ballot(here.row.get("votes") or "")) is not None]
    if not voted:
        return {}
    truth = np.array([votes for _, votes in voted])
    said = running(trained, [here for here, _ in voted], everyday=True)
    even = np.full_like(truth, 1 / len(HEADS))
    return {
        "soft_distance": round(float(measures.divergence(truth, said).mean()), 4),
        "soft_distance_of_even_odds": round(float(measures.divergence(truth, even).mean()), 4),
    }


def sounds(heard: Sequence[Heard]) -> dict[str, Any]:
    """F1 of each sound over recordings labelled with a sound or with something that is none, and false alarms."""
    kinds = sorted({str(event) for here in heard if (event := event_of(here)) is not None})
    if not kinds:
        alarms = sum(bool(here.sounds) for here in heard)
        return {"false_alarms": round(alarms / max(1, len(heard)), 5)}
    scores = {}
    for kind in kinds:
        truth = np.array([event_of(here) == kind for here in heard])
        guess = np.array([kind in here.sounds for here in heard])
        hits = int((truth & guess).sum())
        scores[kind] = round(2 * hits / max(1, int(truth.sum() + guess.sum())), 4)
    silent = [here for here in heard if event_of(here) is None]
    alarms = sum(bool(here.sounds) for here in silent)
    return {
        "events": {"macro_f1": round(float(np.mean(list(scores.values()))), 4), "f1": scores},
        "false_alarms": round(alarms / max(1, len(silent)), 5),
    }


def event_of(here: Heard) -> str | None:
    label = here.row.get("event") or here.row.get("emotion") or ""
    event = cues_labels.EVENTS.get(label.strip().lower())
    return str(event) if event is not None else None


def person(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Any]:
    """Age and gender as a session would say them: over the turns so far."""
    figures: dict[str, Any] = {}
    spoken = [h for h in heard if event_of(h) is None]
    grown = [h for h in spoken if h.clip.gender is not None and h.clip.age is not AgeBand.CHILD]
    if grown:
        right = [
            (trained.is_female(with_turn(before, h.numbers)) >= 0.5) == (h.clip.gender is Gender.FEMALE)
            for h, before in zip(grown, baselines(grown), strict=True)
        ]
        figures |= {"gender_accuracy": round(float(np.mean(right)), 4), "gender_n": len(grown)}
    aged = [h for h in spoken if h.clip.age is not None]
    if len({h.clip.age for h in aged}) > 1:
        child = np.array([int(h.clip.age is AgeBand.CHILD) for h in aged])
        met = baselines(aged)
        guess = [trained.is_child(with_turn(before, h.numbers)) >= 0.5 for h, before in zip(aged, met, strict=True)]
        said = np.array(guess, np.int_)
        figures |= {"age_accuracy": round(float((child == said).mean()), 4), "age_n": len(aged)}
        figures["age_uar"] = round(measures.uar(child, said), 4)
    return figures

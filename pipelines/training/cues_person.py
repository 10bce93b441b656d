"""The heads of gender and of children's voices: one logit each, over a turn's numbers, checked on held-out speakers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...models.cues import heads
from ...models.labels import AgeBand, Gender
from ..evaluation import measures
from . import cues_emotion, fitting
from .cues_data import Clip, TooLittle, fold
from .cues_emotion import Table

PERSON_L2, PERSON_FOLDS = 2e-3, 5

Floats = NDArray[np.float32]


def is_female(clip: Clip) -> bool | None:
    grown = clip.age is not AgeBand.CHILD
    return (clip.gender is Gender.FEMALE) if clip.gender is not None and grown else None


def is_child(clip: Clip) -> bool | None:
    if clip.age is not None:
        return clip.age is AgeBand.CHILD
    return False if clip.corpus.startswith("librispeech") else None


def fit(
    table: Table, copies: Table, scaled: cues_emotion.Scaling, of: Callable[[Clip], bool | None], seed: int
) -> tuple[heads.Layers, dict[str, float]]:
    """A yes-or-no head over numbers as they are, and how often it is right on held-out speakers, known for a while.

    Raises TooLittle: the manifest has examples of one answer only.
    """
    known, copied = (
        part.where(np.array([of(clip) is not None for clip in part.clips], bool)) for part in (table, copies)
    )
    truth, again = (np.array([int(bool(of(clip))) for clip in part.clips], int) for part in (known, copied))
    if len(np.unique(truth)) < 2:
        raise TooLittle("the manifest labels no two genders, or no children beside adults: age and gender need them")
    means = cues_emotion.usual(known, cues_emotion.ALL_TURNS, np.random.default_rng(seed))[0]
    alone, familiar, altered = (
        np.clip(np.nan_to_num((numbers - scaled.mean) / scaled.scale), -heads.LIMIT, heads.LIMIT)
        for numbers in (known.numbers, means, copied.numbers)
    )
    x, y = np.concatenate([alone, familiar, altered]), np.concatenate([truth, truth, again])
    speakers = np.concatenate([known.speakers, known.speakers, copied.speakers])
    folds = np.array([fold(speaker, PERSON_FOLDS) for speaker in speakers])
    mine = folds[: len(truth)]
    guess = np.zeros((2, len(truth)), np.int_)
    for number in range(PERSON_FOLDS):
        test = mine == number
        if test.any() and not test.all():
            seen = folds != number
            layers = _yes_or_no(x[seen], y[seen], speakers[seen])
            guess[0, test], guess[1, test] = (layers(rows[test])[:, 0] > 0 for rows in (alone, familiar))
    return _yes_or_no(x, y, speakers), {
        "n": len(truth),
        "accuracy_of_one_turn": round(float((guess[0] == truth).mean()), 4),
        "accuracy": round(float((guess[1] == truth).mean()), 4),
        "accuracy_of_speakers": round(_by_speaker(guess[1] == truth, known.speakers), 4),
        "uar": round(measures.uar(truth, guess[1]), 4),
    }


def _by_speaker(right: NDArray[np.bool_], speakers: NDArray[np.str_]) -> float:
    return float(np.mean([right[speakers == name].mean() for name in np.unique(speakers)]))


def _yes_or_no(x: Floats, truth: NDArray[np.int_], speakers: NDArray[np.str_]) -> heads.Layers:
    """Both answers count alike; who speaks much counts more, by the square root."""
    _, places, turns = np.unique(speakers, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(turns[places])
    weights /= np.bincount(truth, weights=weights, minlength=2)[truth]
    both = fitting.linear(
        x, np.eye(2, dtype=np.float32)[truth], (weights / weights.mean()).astype(np.float32), l2=PERSON_L2
    )
    return both.one_logit()

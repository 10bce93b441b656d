"""The emotion members: fitted on turns as they come in a conversation, early and late, cold and well known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.cues.families import HEADS, LABELS
from ...models.cues.heads import NEUTRAL, Layers, against_usual, softmax
from . import fitting
from .cues_data import Clip

ALL_TURNS = 40
TURNS_BEFORE = (0, 5, ALL_TURNS)
"""How many turns of the speaker are behind the one to judge: each clip is seen once with each."""
LINEAR_L2, HIDDEN, NETWORKS, EPOCHS = 0.1, 96, 3, 15
BALANCE = 0.7
"""Power to which rare families are raised."""
MOST_SHRINKAGE = 4.0
BURSTS = "emogator"
BURST_WEIGHT = 0.5
"""What a vocal burst weighs beside a sentence."""

PLAIN_SHARE = 0.3
"""What all plain speech weighs beside all that is labelled, when the plain head is fitted."""
PLAIN_TARGET = 0.9
"""Who reads aloud is plain most of the time."""
PLAIN_HIDDEN, PLAIN_NETWORKS, PLAIN_EPOCHS = 48, 2, 12

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers of turns [n, X] with their clips."""

    numbers: Floats
    clips: tuple[Clip, ...]

    def where(self, mask: NDArray[np.bool_]) -> Table:
        return Table(self.numbers[mask], tuple(clip for clip, kept in zip(self.clips, mask, strict=True) if kept))

    def and_(self, other: Table) -> Table:
        return Table(np.concatenate([self.numbers, other.numbers]), self.clips + other.clips)

    @property
    def plain(self) -> NDArray[np.bool_]:
        return np.array([clip.plain for clip in self.clips], np.bool_)

    @property
    def felt(self) -> Table:
        return self.where(self.families.sum(axis=1) > 0)

    @property
    def families(self) -> Floats:
        return np.array([clip.families for clip in self.clips], np.float32).reshape(-1, len(HEADS))

    @property
    def labels(self) -> Floats:
        return np.array([clip.labels for clip in self.clips], np.float32).reshape(-1, len(LABELS))

    @property
    def speakers(self) -> NDArray[np.str_]:
        return np.array([f"{clip.corpus}/{clip.speaker}" for clip in self.clips])

    @property
    def corpora(self) -> NDArray[np.str_]:
        return np.array([clip.corpus for clip in self.clips])


@dataclass(frozen=True, slots=True)
class Scaling:
    mean: Floats
    scale: Floats
    relative_scale: Floats
    shrinkage: Floats


def people_in_general(table: Table) -> Floats:
    """The mean over speakers of plain speech, each speaker counting alike; over all turns where there is none."""
    plain = table.where(table.plain)
    if not len(plain.clips):
        return _nanmean(table.numbers)
    return _nanmean(np.array([_nanmean(plain.numbers[plain.speakers == name]) for name in np.unique(plain.speakers)]))


def aligned(table: Table) -> Table:
    """Each corpus of labelled speech moved as a whole, so that its mean is that of people in general.

    A stranger's first turn is compared with people in general. Rooms, microphones and languages of the few corpora that
    are labelled would else tell more of a turn than how it is said (mean alignment; Sun et al. 2016, "Return of
    frustratingly easy domain adaptation", with the means alone).
    """
    numbers, corpora, general = table.numbers.copy(), table.corpora, people_in_general(table)
    for corpus in np.unique(table.felt.corpora):
        rows = corpora == corpus
        numbers[rows] += general - _nanmean(numbers[rows])
    return Table(numbers, table.clips)


def scaling(table: Table) -> Scaling:
    """What is usual for everybody, and how much of what is unusual lies in the speaker rather than in the turn.

    Within a speaker as in acted speech (several emotions each), between speakers as in all corpora.
    """
    numbers, speakers = table.numbers, table.speakers
    acted = (table.families.sum(axis=1) > 0) & (table.corpora != BURSTS)
    acted = acted if acted.any() else np.ones(len(numbers), np.bool_)
    names = np.unique(speakers)
    means = np.array([_nanmean(numbers[speakers == name]) for name in names])
    within = [np.nanvar(numbers[rows], axis=0) for name in names if (rows := (speakers == name) & acted).sum() >= 5]
    inside, between = _nanmean(np.array(within)), np.nanvar(means, axis=0)
    return Scaling(
        mean=people_in_general(table),
        scale=np.asarray(np.nanstd(numbers, axis=0) + 1e-3, np.float32),
        relative_scale=np.asarray(np.sqrt(inside) + 1e-3, np.float32),
        shrinkage=np.asarray(np.clip(inside / np.maximum(between, 1e-6), 0, MOST_SHRINKAGE), np.float32),
    )


def usual(table: Table, turns: int, rng: np.random.Generator) -> tuple[Floats, int]:
    """For each turn the mean over so many other turns of its speaker, in any order; 40 stands for all there are."""
    out = np.zeros_like(table.numbers)
    speakers = table.speakers
    for speaker in np.unique(speakers):
        rows = np.flatnonzero(speakers == speaker)
        for row in rows if turns else ():
            others = rows if len(rows) <= turns else rng.choice(rows, turns, replace=False)
            out[row] = _nanmean(table.numbers[others])
    return out, turns


def relative(table: Table, turns: int, scaled: Scaling, rng: np.random.Generator) -> Floats:
    means, count = usual(table, turns, rng)
    return against_usual(table.numbers, means, count, scaled.mean, scaled.relative_scale, scaled.shrinkage)


def fit(table: Table, scaled: Scaling, *, seed: int) -> tuple[Layers, ...]:
    """Logistic regression and small networks on the same rows; their mean decides."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([relative(table, turns, scaled, rng) for turns in TURNS_BEFORE])
    targets = np.tile(table.families, (len(TURNS_BEFORE), 1))
    weights = np.tile(_weights(table), len(TURNS_BEFORE))
    first = fitting.linear(x, targets, weights, l2=LINEAR_L2)
    networks = [
        fitting.network(x, targets, weights, hidden=HIDDEN, seed=seed + index, epochs=EPOCHS)
        for index in range(NETWORKS)
    ]
    return (first, *networks)


def fit_plain(table: Table, scaled: Scaling, *, seed: int) -> tuple[Layers, ...]:
    """What tells plain speech from moved: one logit each, their mean decides."""
    rng = np.random.default_rng(seed)
    known = table.where(table.plain | (table.families.sum(axis=1) > 0))
    likely = np.where(known.plain, np.float32(PLAIN_TARGET), known.families[:, NEUTRAL])
    weights = np.zeros(len(likely), np.float32)
    weights[~known.plain] = _weights(known.where(~known.plain)) / max(1, (~known.plain).sum())
    weights[known.plain] = PLAIN_SHARE / max(1, known.plain.sum())
    x = np.concatenate([relative(known, turns, scaled, rng) for turns in TURNS_BEFORE])
    targets = np.tile(np.stack([1 - likely, likely], axis=1), (len(TURNS_BEFORE), 1)).astype(np.float32)
    shares = np.tile(weights / weights.mean(), len(TURNS_BEFORE))
    first = fitting.linear(x, targets, shares, l2=LINEAR_L2)
    networks = [
        fitting.network(x, targets, shares, hidden=PLAIN_HIDDEN, seed=seed + index, epochs=PLAIN_EPOCHS)
        for index in range(PLAIN_NETWORKS)
    ]
    return tuple(layers.one_logit() for layers in (first, *networks))


def fit_fine(table: Table, scaled: Scaling, *, seed: int) -> Layers:
    """Logistic regression over all labels; only its differences within a family are used."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([relative(table, turns, scaled, rng) for turns in (0, 40)])
    weights = np.tile(_weights(table), 2)
    return fitting.linear(x, np.tile(table.labels, (2, 1)), weights, l2=LINEAR_L2)


def logits(members: Sequence[Layers], x: Floats) -> Floats:
    return np.asarray(np.mean([member(x) for member in members], axis=0), np.float32)


def temperature(scores: Floats, truth: NDArray[np.int_], weights: Floats) -> float:
    """The temperature of least loss on held-out scores (Guo et al. 2017, "On calibration ...")."""
    choices = np.geomspace(0.5, 6, 60)
    losses = [_loss(softmax(scores / choice), truth, weights) for choice in choices]
    return float(choices[int(np.argmin(losses))])


def _loss(probabilities: Floats, truth: NDArray[np.int_], weights: Floats) -> float:
    each = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-9))
    return float(np.average(each, weights=weights))


def _weights(table: Table) -> Floats:
    """Sentences count alike and bursts less; then rare families more."""
    families = table.families
    out = np.where(table.corpora == BURSTS, np.float32(BURST_WEIGHT), np.float32(1))
    shares = (families * out[:, None]).sum(axis=0) / out.sum()
    out = out * (families @ (1 / np.maximum(shares, 0.02)) ** BALANCE)
    return np.asarray(out / out.mean(), np.float32)


def _nanmean(rows: NDArray[np.floating]) -> Floats:
    """Mean over the rows, nan where none was measured (and no warning)."""
    known = ~np.isnan(rows)
    sums = np.where(known, rows, 0).sum(axis=0)
    counts = known.sum(axis=0)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), np.float32)

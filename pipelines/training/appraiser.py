"""Trains the small appraiser's heads: regularised logistic regressions, calibrated out of fold, by story.

There are two sets of heads: for turns whose voice tells a feeling, and for others (written turns, a voice that says
little), because a feeling that was heard outweighs the words, and without it the words are all there is. Both are
trained on every story that split.py does not hold out; feelings named outright (plain.py) and GoEmotions, where
given, add written remarks to the second set's emotions at a small weight. Temperatures (Guo et al. 2017) and
thresholds come from predictions for stories that the fold's heads have not seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.appraisal.features import Vocabulary, grams, vector
from ...models.appraisal.heads import Head, Heads, key
from ...models.base import Appraisal, Situation
from ...models.embedding.minilm import WIDTH
from ...models.labels import Emotion, Need, Risk, Tactic, Tone
from . import plain
from .corpus import Example
from .goemotions import Remark
from .split import is_held_out, story

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]
Embed = Callable[[str], Floats]

FOLDS = 4
FEWEST_TURNS = 3
"""A word or pair that fewer training turns have is left out of the vocabulary."""
WORD_SCALE = 0.05
"""Words are many and rare: this makes one of them weigh like a standard deviation of a dense feature."""
SMALLEST_DEVIATION = 0.1
"""Rare flags are not blown up beyond this, which would keep the fit from converging."""
ITERATIONS = 80
"""Of L-BFGS; the penalty decides more than the last digits."""
MOST_REMARKS = 300
"""Remarks taken of each emotion."""
MOST_FALSE_CRISES = 0.003
MOST_FALSE_WATCHES = 0.08
"""Shares of calm turns (out of fold) that the risk thresholds may take for more."""
PENALTIES = {"emotion": 0.005, "need": 0.005, "tone": 0.005, "intensity": 0.003, "risk": 0.01, "conflict": 0.01}
TACTICS_PENALTY = 0.003
"""Inverse strength of the L2 penalty, chosen by the folds."""


@dataclass(frozen=True, slots=True)
class Labels:
    """A head of one label of many."""

    names: tuple[Any, ...]
    of: Callable[[Appraisal], Any]


CHOICES: dict[str, Labels] = {
    "emotion": Labels(tuple(Emotion), lambda plan: plan.emotion),
    "need": Labels(tuple(Need), lambda plan: plan.need),
    "tone": Labels(tuple(Tone), lambda plan: plan.tone),
    "intensity": Labels((0, 1, 2, 3), lambda plan: plan.intensity),
    "risk": Labels(tuple(Risk), lambda plan: plan.risk),
    "conflict": Labels((False, True), lambda plan: plan.conflict),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What is fitted: scaled features [n, width], the right label [n] and a weight [n]."""

    features: Floats
    labels: Ints
    weights: Floats

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        return Rows(self.features[kept], self.labels[kept], self.weights[kept])

    def with_more(self, more: Rows | None) -> Rows:
        if more is None:
            return self
        return Rows(
            np.concatenate([self.features, more.features]),
            np.concatenate([self.labels, more.labels]),
            np.concatenate([self.weights, more.weights]),
        )


def train(examples: Iterable[Example], embed: Embed, written: Sequence[Remark] = ()) -> Heads:
    """Both sets of heads, in one."""
    embed = cache(embed)
    kept = [example for example in examples if not is_held_out(example.dialogue)]
    vocabulary = _vocabulary([example.situation.text for example in kept])
    mean, scale = _scaling(np.stack([vector(e.situation, embed(e.situation.text), vocabulary) for e in kept]))
    mean[-len(vocabulary.weights) :], scale[-len(vocabulary.weights) :] = 0, WORD_SCALE
    plans = [example.plan for example in kept]
    folds = _folds([story(example.dialogue) for example in kept])

    def scaled(situations: Iterable[Situation]) -> Floats:
        found = [vector(situation, embed(situation.text), vocabulary) for situation in situations]
        return np.asarray((np.stack(found) - mean) / scale, np.float32)

    written = [*written, *plain.remarks()]
    remarks = _remarks(scaled([Situation(remark.text) for remark in written]), written)
    heard = scaled(example.situation for example in kept)
    unheard = np.vstack([scaled(_unclear(e.situation) for e in kept), scaled(_mute(e.situation) for e in kept)])
    by_name, thresholds = _set(heard, plans, folds, None, heard=True)
    more_heads, more_thresholds = _set(unheard, plans * 2, np.tile(folds, 2), remarks, heard=False)
    return Heads(vocabulary, mean, scale, by_name | more_heads, thresholds | more_thresholds)


def _set(
    features: Floats, plans: Sequence[Appraisal], folds: Ints, remarks: Rows | None, *, heard: bool
) -> tuple[dict[str, Head], dict[str, float]]:
    by_name: dict[str, Head] = {}
    thresholds: dict[str, float] = {}
    even = np.ones(len(plans), np.float32)
    for name, labels in CHOICES.items():
        given = np.array([labels.names.index(labels.of(plan)) for plan in plans])
        rows, count = Rows(features, given, even), len(labels.names)
        more = remarks if name == "emotion" else None
        head = _fit(rows.with_more(more), count, PENALTIES[name])
        unseen = _unseen(rows, folds, more, count, PENALTIES[name])
        temperature = _temperature(unseen, given)
        by_name[key(name, heard)] = replace(head, temperature=temperature)
        found = _thresholds(name, _softmax(unseen / temperature), given)
        thresholds |= {key(what, heard): value for what, value in found.items()}
    by_name[key("tactics", heard)] = _tactics(features, plans)
    return by_name, thresholds


def _unclear(situation: Situation) -> Situation:
    """The same voice where its feeling could not be told."""
    unclear = replace(situation.cues, emotion=None, valence=None) if situation.cues is not None else None
    return replace(situation, cues=unclear)


def _mute(situation: Situation) -> Situation:
    return replace(situation, cues=None)


def _remarks(features: Floats, written: Sequence[Remark]) -> Rows:
    emotions = CHOICES["emotion"].names
    labels = np.array([emotions.index(remark.emotion) for remark in written])
    return Rows(features, labels, np.array([remark.weight for remark in written], np.float32))


def _vocabulary(texts: Sequence[str]) -> Vocabulary:
    turns = Counter(gram for text in texts for gram in set(grams(text)))
    common = sorted(gram for gram, count in turns.items() if count >= FEWEST_TURNS)
    idf = {gram: float(np.log((1 + len(texts)) / (1 + turns[gram])) + 1) for gram in common}
    return Vocabulary({gram: (index, idf[gram]) for index, gram in enumerate(common)})


def _scaling(raw: Floats) -> tuple[Floats, Floats]:
    """Mean, and deviation. Rare flags count as if less rare."""
    deviation = raw.std(axis=0)
    deviation[WIDTH:] = np.maximum(deviation[WIDTH:], SMALLEST_DEVIATION)
    return raw.mean(axis=0), np.asarray(np.maximum(deviation, 1e-3), np.float32)


def _folds(stories: Sequence[str]) -> Ints:
    """Each row's fold; a story is in one fold whole."""
    numbers = {name: index % FOLDS for index, name in enumerate(sorted(set(stories)))}
    return np.array([numbers[name] for name in stories])


def _fit(rows: Rows, count: int, penalty: float) -> Head:
    from sklearn.linear_model import LogisticRegression

    # tol: the iterations are meant to end it, and scikit-learn warns where they do.
    model = LogisticRegression(C=penalty, max_iter=ITERATIONS, tol=1e-2)
    model.fit(rows.features, rows.labels, rows.weights)
    weight = np.zeros((rows.features.shape[1], count), np.float32)
    bias = np.full(count, -20.0, np.float32)
    if len(model.classes_) == 2:
        weight[:, model.classes_[1]], bias[model.classes_] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        weight[:, model.classes_], bias[model.classes_] = model.coef_.T, model.intercept_
    return Head(weight, bias, 1.0)


def _unseen(rows: Rows, folds: Ints, more: Rows | None, count: int, penalty: float) -> Floats:
    """Logits for each row by heads that have not seen its story."""
    logits = np.zeros((len(rows.labels), count), np.float32)
    for fold in range(FOLDS):
        head = _fit(rows.where(folds != fold).with_more(more), count, penalty)
        logits[folds == fold] = head.logits(rows.features[folds == fold])
    return logits


def _tactics(features: Floats, plans: Sequence[Appraisal]) -> Head:
    """One yes or no a tactic; what the policy picks from."""
    even = np.ones(len(plans), np.float32)
    heads = []
    for tactic in Tactic:
        given = np.array([tactic in plan.tactics for plan in plans]).astype(np.intp)
        heads.append(_fit(Rows(features, given, even), 2, TACTICS_PENALTY))
    weight = np.stack([head.weight[:, 1] for head in heads], axis=1)
    return Head(weight, np.array([head.bias[1] for head in heads], np.float32), 1.0)


def _temperature(logits: Floats, given: Ints) -> float:
    """The one that makes the labels likeliest, out of a grid from 0.3 to 3."""
    each = np.arange(len(given))
    grid = np.geomspace(0.3, 3, 60)
    losses = [-np.log(_softmax(logits / t)[each, given] + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def _softmax(logits: Floats) -> Floats:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


def _thresholds(name: str, unseen: Floats, given: Ints) -> dict[str, float]:
    """Conflict at its best F1; risk where the allowed share of calm turns is taken for more."""
    if name == "conflict":
        grid = np.linspace(0.05, 0.95, 91)
        return {"conflict": float(grid[int(np.argmax([_f1(unseen[:, 1] >= t, given == 1) for t in grid]))])}
    if name != "risk":
        return {}
    calm = unseen[given == 0]
    return {
        "crisis": float(np.quantile(calm[:, 2], 1 - MOST_FALSE_CRISES)),
        "calm": float(np.quantile(calm[:, 0], MOST_FALSE_WATCHES)),
    }


def _f1(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    return float(2 * (found & true).sum() / max(1, found.sum() + true.sum()))

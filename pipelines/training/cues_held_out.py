"""What the emotion heads are worth on speakers and corpora that they have not seen, and how sure they may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.cues import heads
from ...models.cues.heads import NEUTRAL
from ..evaluation import measures
from . import cues_emotion, fitting
from .cues_data import fold
from .cues_emotion import Table

FOLDS = 3
OF_SOUND = ("esc50", "emogator", "donateacry", "spliced")
EVERYDAY_PLAIN = 0.7
"""Share of plain talk that the confidence is made for: what strangers say to a machine is mostly plain."""
FROM = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Floats = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of turns that the heads had not seen: `scores` [n, 7] of the members, `votes` [n] of the plain head; what
    was true; and to which split and corpus each belongs, with how many turns of the speaker before it."""

    scores: Floats
    votes: Floats
    truth: NDArray[np.int_]
    plain: NDArray[np.bool_]
    split: NDArray[np.str_]
    corpora: NDArray[np.str_]
    turns: NDArray[np.int_]
    strangers: bool = field(default=True, kw_only=True)
    """Whether confidence is made for speech of any kind, or else for speech like that of the corpora learned from, of
    new speakers of whom a few turns were heard."""

    @property
    def acted(self) -> NDArray[np.bool_]:
        return ~self.plain

    def weights(self, rows: NDArray[np.bool_]) -> Floats:
        """Of these rows every split of every corpus counts alike."""
        keys = np.char.add(self.split, self.corpora)
        out = np.zeros(len(keys), np.float32)
        for key in np.unique(keys[rows]):
            out[rows & (keys == key)] = 1 / (rows & (keys == key)).sum()
        return out / max(float(out.sum()), 1e-9)

    @property
    def temperature(self) -> float:
        rows = self.acted
        if not self.strangers:
            known = (self.split == "speakers") & (self.turns > 0)
            rows &= known & ~np.isin(self.corpora, OF_SOUND)
        return cues_emotion.temperature(self.scores[rows], self.truth[rows], self.weights(rows)[rows])

    @property
    def plainness(self) -> tuple[float, float]:
        """Slope and offset that make the plain head's votes probabilities in everyday talk (Platt 1999)."""
        weights = (1 - EVERYDAY_PLAIN) * self.weights(self.acted) + EVERYDAY_PLAIN * self.weights(self.plain)
        if not self.plain.any():
            weights = self.weights(self.acted)
        targets = np.eye(2, dtype=np.float32)[(self.truth == NEUTRAL).astype(int)]
        fitted = fitting.linear(self.votes[:, None], targets, weights / weights.mean(), l2=1e-4).one_logit()
        return float(fitted.weights[0][0, 0]), float(fitted.biases[0][0])

    @property
    def probabilities(self) -> Floats:
        """Of the families, all as likely."""
        return heads.softmax(self.scores / self.temperature)

    @property
    def everyday(self) -> Floats:
        """Of the families, as a session says them."""
        slope, offset = self.plainness
        return heads.with_plain(self.probabilities, heads.sigmoid(slope * self.votes + offset))

    def figures(self) -> list[dict[str, Any]]:
        """Recall and calibration for each split, corpus of acted speech, and number of turns before."""
        probabilities = self.probabilities
        return [name | _scores(probabilities[rows], self.truth[rows]) for name, rows in self._groups(self.acted)]

    def coverage(self) -> list[dict[str, Any]]:
        """From each confidence on: in how many recordings of a feeling one is told, and how many of those are right."""
        said = self.everyday
        sure, guess = said.max(axis=1), said.argmax(axis=1)
        rows = []
        for name, mask in self._groups(self.acted):
            for least in FROM:
                told = mask & (sure >= least) & (guess != NEUTRAL)
                moved = mask & (self.truth != NEUTRAL)
                right = round(float((guess == self.truth)[told].mean()), 4) if told.any() else None
                share = round(float(told[moved].mean()), 4) if moved.any() else None
                rows.append(name | {"from": least, "told": share, "right": right})
        return rows

    def plain_speech(self) -> list[dict[str, Any]]:
        """In how many recordings of plain speech a feeling would be told, from each confidence on."""
        said = self.everyday
        felt = np.where(said.argmax(axis=1) != NEUTRAL, said.max(axis=1), 0)
        return [
            name
            | {"n": int(rows.sum())}
            | {f"from_{least}": round(float((felt[rows] >= least).mean()), 4) for least in FROM}
            for name, rows in self._groups(self.plain)
        ]

    def _groups(self, among: NDArray[np.bool_]) -> Iterator[tuple[dict[str, Any], NDArray[np.bool_]]]:
        for split in np.unique(self.split[among]):
            for corpus in np.unique(self.corpora[among & (self.split == split)]):
                for turns in np.unique(self.turns):
                    rows = among & (self.split == split) & (self.corpora == corpus) & (self.turns == turns)
                    if rows.any():
                        yield {"split": str(split), "corpus": str(corpus), "turns_before": int(turns)}, rows


def _scores(probabilities: Floats, truth: NDArray[np.int_]) -> dict[str, float]:
    classes = np.unique(truth)
    chosen = probabilities[:, classes] / np.maximum(probabilities[:, classes].sum(axis=1, keepdims=True), 1e-9)
    guess = classes[chosen.argmax(axis=1)]
    four = np.isin(truth, np.arange(4))
    guess_four = probabilities[four][:, :4].argmax(axis=1)
    return {
        "n": len(truth),
        "uar": round(measures.uar(truth, guess), 4),
        "uar_4": round(measures.uar(truth[four], guess_four), 4),
        "ece": round(measures.ece(chosen.max(axis=1), guess == truth), 4),
    }


def held_out(table: Table, copies: Table, seed: int, tell: Tell, *, strangers: bool = True) -> HeldOut:
    """Speakers of labelled corpora by folds, each with whole kinds of plain speech; then each corpus of
    acted speech, where there are more. `strangers` as in `HeldOut`."""
    acted = sorted(set(table.felt.corpora.tolist()) - set(OF_SOUND))
    parts = []
    for number in range(FOLDS):
        tell(f"  fold {number + 1} of {FOLDS}")
        parts.append(_without(table, copies, _in_fold(table, number), _in_fold(copies, number), "speakers", seed))
    for corpus in acted if len(acted) > 1 else ():
        tell(f"  without {corpus}")
        parts.append(_without(table, copies, table.corpora == corpus, copies.corpora == corpus, "corpora", seed))
    return HeldOut(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)), strangers=strangers)


def _in_fold(table: Table, number: int) -> NDArray[np.bool_]:
    """Speakers by hash of the name; plain speech by its kind (its name up to "_"), which is never half seen."""
    kinds = sorted({clip.corpus.split("_")[0] for clip in table.clips if clip.plain})
    numbers = [
        kinds.index(clip.corpus.split("_")[0]) % FOLDS if clip.plain else fold(speaker, FOLDS)
        for clip, speaker in zip(table.clips, table.speakers.tolist(), strict=True)
    ]
    return np.asarray(np.array(numbers, int) == number)


def _without(
    table: Table, copies: Table, test: NDArray[np.bool_], copied: NDArray[np.bool_], split: str, seed: int
) -> tuple[NDArray[Any], ...]:
    return _tested(table.where(~test).and_(copies.where(~copied)), table.where(test), split, seed)


def _tested(rest: Table, test: Table, split: str, seed: int) -> tuple[NDArray[Any], ...]:
    """All arrays of `HeldOut`, for turns whose family is plain to see and for plain speech."""
    rest = cues_emotion.aligned(rest)
    known = test.where(test.plain | (test.families.max(axis=1, initial=0) > 0.5))
    scaled = cues_emotion.scaling(rest)
    members = cues_emotion.fit(rest.felt, scaled, seed=seed)
    plain = cues_emotion.fit_plain(rest, scaled, seed=seed)
    rng = np.random.default_rng(seed)
    seen = [cues_emotion.relative(known, turns, scaled, rng) for turns in cues_emotion.TURNS_BEFORE]
    x, times = np.concatenate(seen), len(seen)
    truth = np.where(known.plain, NEUTRAL, known.families.argmax(axis=1))
    return (
        cues_emotion.logits(members, x),
        cues_emotion.logits(plain, x)[:, 0],
        np.tile(truth, times),
        np.tile(known.plain, times),
        np.full(len(x), split),
        np.tile(known.corpora, times),
        np.repeat(cues_emotion.TURNS_BEFORE, len(truth)),
    )

"""Measures of classifiers and of their confidence. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int_]

BINS = 10


def recalls(truth: Ints, guess: Ints) -> dict[int, float]:
    """Share found of each class that occurs."""
    return {int(label): float((guess[truth == label] == label).mean()) for label in np.unique(truth)}


def uar(truth: Ints, guess: Ints) -> float:
    """Unweighted average recall: every class counts alike, however rare."""
    return float(np.mean(list(recalls(truth, guess).values()))) if len(truth) else float("nan")


def macro_f1(truth: Ints, guess: Ints) -> float:
    """Mean over the classes that occur of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(truth):
        hits = float(((truth == label) & (guess == label)).sum())
        scores.append(2 * hits / max(1.0, float((truth == label).sum() + (guess == label).sum())))
    return float(np.mean(scores)) if scores else float("nan")


def reliability(confidence: Floats, right: NDArray[np.bool_], bins: int = BINS) -> list[tuple[float, float, int]]:
    """(mean confidence, share right, count) of each bin of equal width that holds anything."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [(places == place) for place in range(bins)]
    return [(float(confidence[r].mean()), float(right[r].mean()), int(r.sum())) for r in rows if r.any()]


def ece(confidence: Floats, right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error: mean gap between confidence and share right (Naeini et al. 2015)."""
    rows = reliability(confidence, right, bins)
    return sum(count * abs(sure - share) for sure, share, count in rows) / max(1, len(confidence))


def ccc(truth: Floats, guess: Floats) -> float:
    """Concordance correlation coefficient (Lin 1989): 1 only where guesses equal the truth."""
    if len(truth) < 2:
        return float("nan")
    covariance = float(np.mean((truth - truth.mean()) * (guess - guess.mean())))
    apart = float((truth.mean() - guess.mean()) ** 2)
    return 2 * covariance / max(float(truth.var() + guess.var()) + apart, 1e-12)


def divergence(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence of rows [n, K] in bits: 0 the same, 1 nothing in common."""
    middle = (p + q) / 2
    return np.asarray((_kl(p, middle) + _kl(q, middle)) / 2)


def _kl(p: Floats, q: Floats) -> Floats:
    share = np.where(p > 0, p / np.maximum(q, 1e-12), 1.0)
    return np.asarray((p * np.log2(share)).sum(axis=-1))

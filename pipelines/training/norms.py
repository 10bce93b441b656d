"""Trains the map by which Kokoro's windows sound like whole phrases (models/tts/norms.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from ...models.base import Style
from ...models.labels import Tone
from ...models.tts.kokoro import Kokoro
from ...models.tts.norms import LEAST_VARIANCE, Norms, described

Floats = NDArray[np.float32]

SHORTEST, LONGEST = 30, 100
"""Frames of a stretch: short ones differ more from each other than whole phrases do, and say as much."""
RANK = 32
RIDGE = 0.05


def spoken_like(replies: Iterable[str]) -> list[str]:
    """Replies of some length, each once."""
    return sorted({reply for reply in replies if 6 <= len(reply.split()) <= 32})


def examples(
    kokoro: Kokoro, texts: Sequence[str], *, count: int, seed: int = 0
) -> Iterable[tuple[str, Floats, Floats]]:
    """Voice, averages and statistics of `count` stretches of speech, in every voice and tone."""
    random = Random(seed)
    voices = [voice for voice in kokoro.voices if voice != "default"]
    for number in range(count):
        voice, style = voices[number % len(voices)], Style(random.choice(list(Tone)))
        phrase = kokoro.phrase(random.choice(texts), voice, style)
        frames = phrase.detail.shape[2] // 2
        length = min(frames, random.randint(SHORTEST, LONGEST))
        first = random.randint(0, frames - length)
        span = slice(2 * first, 2 * (first + length))
        detail, pitch, energy = phrase.detail[:, :, span], phrase.pitch[:, span], phrase.energy[:, span]
        statistics = kokoro.parts.norms(detail, pitch, phrase.voice)
        yield voice, described(detail, pitch, energy, phrase.voice), statistics


def fit(voices: Sequence[str], averages: Floats, statistics: Floats) -> Norms:
    """Ridge regression, cut to its `RANK` largest components. Rows are stretches of speech."""
    means, variances = np.split(statistics.astype(np.float64), 2, axis=1)
    unit = np.sqrt(variances.mean(0) + LEAST_VARIANCE)
    counted = np.hstack([means / unit, np.log(variances + LEAST_VARIANCE)])
    centre, scale, usual = averages.mean(0), averages.std(0) + LEAST_VARIANCE, counted.mean(0)
    rows = (averages - centre) / scale
    kernel = rows @ rows.T / rows.shape[1]
    weights = np.linalg.solve(kernel + RIDGE * np.eye(len(rows)), counted - usual)
    _, _, components = np.linalg.svd(kernel @ weights, full_matrices=False)
    outward = components[:RANK]
    inward = rows.T @ (weights @ outward.T) / rows.shape[1]
    numbers = {"centre": centre, "scale": scale, "inward": inward, "outward": outward, "usual": usual, "unit": unit}
    exact = {name: np.asarray(number, np.float32) for name, number in numbers.items()}
    return Norms(**exact, voices=frozenset(voices))


def save(norms: Norms, path: Path) -> None:
    halves = {name: getattr(norms, name).astype(np.float16) for name in ("inward", "outward", "usual")}
    exact = {name: getattr(norms, name) for name in ("centre", "scale", "unit")}
    np.savez_compressed(path, **halves, **exact, voices=np.array(sorted(norms.voices)))

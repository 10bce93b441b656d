"""Linear heads over the appraiser's features: their weights, their probabilities, how far to trust them. Numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .features import Vocabulary

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """Logits are features @ weight + bias, divided by a temperature fitted on held-out data (Guo et al. 2017)."""

    weight: Floats
    bias: Floats
    temperature: float

    def logits(self, features: Floats) -> Floats:
        return np.asarray((features @ self.weight + self.bias) / self.temperature, np.float32)

    def softmax(self, features: Floats) -> Floats:
        """One label of many."""
        z = self.logits(features)
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)

    def sigmoid(self, features: Floats) -> Floats:
        """Each label for itself."""
        return np.asarray(1 / (1 + np.exp(-self.logits(features))), np.float32)


@dataclass(frozen=True, slots=True)
class Heads:
    """All heads, with the vocabulary and the scaling of the features that they were trained on."""

    vocabulary: Vocabulary
    mean: Floats
    scale: Floats
    by_name: Mapping[str, Head]
    thresholds: Mapping[str, float]

    def head(self, name: str, heard: bool) -> Head:
        return self.by_name[key(name, heard)]

    def threshold(self, name: str, heard: bool) -> float:
        return self.thresholds[key(name, heard)]

    def scaled(self, features: Floats) -> Floats:
        return np.asarray((features - self.mean) / self.scale, np.float32)


def key(name: str, heard: bool) -> str:
    """The name of a head, or of a threshold, for turns whose voice tells a feeling, or for others."""
    return f"{name}-{'heard' if heard else 'unheard'}"


def load(path: Path) -> Heads:
    """Read the weights that `save` wrote."""
    with np.load(path) as data:
        names = sorted({key.split(".")[0] for key in data.files if key.endswith(".weight")})
        heads = {
            name: Head(
                data[f"{name}.weight"].astype(np.float32),
                data[f"{name}.bias"].astype(np.float32),
                float(data[f"{name}.temperature"]),
            )
            for name in names
        }
        thresholds = {key.split(".")[1]: float(data[key]) for key in data.files if key.startswith("threshold.")}
        words = zip(data["words"].tolist(), data["idf"].tolist(), strict=True)
        vocabulary = Vocabulary({word: (index, float(idf)) for index, (word, idf) in enumerate(words)})
        return Heads(vocabulary, data["mean"].astype(np.float32), data["scale"].astype(np.float32), heads, thresholds)


def save(path: Path, heads: Heads) -> None:
    """Half precision: the heads do not notice, and the file is half as large."""
    known = heads.vocabulary.weights
    arrays: dict[str, np.ndarray | np.float32] = {
        "words": np.array(list(known)),
        "idf": np.array([idf for _, idf in known.values()], np.float32),
        "mean": heads.mean,
        "scale": heads.scale,
    }
    for name, head in heads.by_name.items():
        arrays[f"{name}.weight"] = head.weight.astype(np.float16)
        arrays[f"{name}.bias"] = head.bias.astype(np.float32)
        arrays[f"{name}.temperature"] = np.float32(head.temperature)
    for name, value in heads.thresholds.items():
        arrays[f"threshold.{name}"] = np.float32(value)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

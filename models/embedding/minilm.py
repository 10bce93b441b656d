"""all-MiniLM-L6-v2 (Apache-2.0) in numpy: a sentence to 384 numbers, without torch and without a runtime.

The network is BERT with 6 layers (Devlin et al. 2019); sentence vectors are the mean of the token vectors, scaled
to length 1, as the model's authors define them. A short sentence takes some milliseconds on one core.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Floats = NDArray[np.float32]

LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST_TOKENS = 256
EPSILON = 1e-12
_DTYPES = {"F32": np.float32, "I64": np.int64}


class MiniLM:
    """Reads the weights once; calls are pure and may run on any thread."""

    def __init__(self, folder: Path) -> None:
        self._weights = read_safetensors(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST_TOKENS)

    def embed(self, text: str) -> Floats:
        """The sentence's vector, float32 [384], length 1."""
        return self.tokens(text)[0]

    def tokens(self, text: str) -> tuple[Floats, Floats, list[tuple[int, int]]]:
        """Sentence vector, token vectors [n, 384], and where in the text each token stands (without the marks)."""
        encoded = self._tokenizer.encode(text)
        states = self._forward(np.array(encoded.ids))
        mean = states.mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), EPSILON), states[1:-1], encoded.offsets[1:-1]

    def _forward(self, ids: NDArray[np.int64]) -> Floats:
        w = self._weights
        states = w["embeddings.word_embeddings.weight"][ids]
        states = states + w["embeddings.position_embeddings.weight"][: len(ids)]
        states = states + w["embeddings.token_type_embeddings.weight"][0]
        states = self._norm(states, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            states = self._layer(states, f"encoder.layer.{layer}")
        return states

    def _layer(self, states: Floats, name: str) -> Floats:
        attended = self._linear(self._attention(states, f"{name}.attention.self"), f"{name}.attention.output.dense")
        states = self._norm(states + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(states, f"{name}.intermediate.dense"))
        return self._norm(states + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attention(self, states: Floats, name: str) -> Floats:
        count, size = len(states), WIDTH // HEADS
        query, key, value = (
            self._linear(states, f"{name}.{part}").reshape(count, HEADS, size).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(size))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares = scores / scores.sum(axis=-1, keepdims=True)
        return np.asarray((shares @ value).transpose(1, 0, 2).reshape(count, WIDTH))

    def _linear(self, states: Floats, name: str) -> Floats:
        return np.asarray(states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"])

    def _norm(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return np.asarray(scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"])


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors by name. The format: header length (8 bytes), a JSON header, then the raw data."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def _gelu(x: Floats) -> Floats:
    return np.asarray(0.5 * x * (1 + _erf(x / np.float32(np.sqrt(2)))), np.float32)


def _erf(x: Floats) -> Floats:
    """Abramowitz and Stegun 7.1.26; off by at most 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(np.sign(x) * (1 - series * np.exp(-x * x)), np.float32)

"""all-MiniLM-L6-v2 (Apache-2.0): a sentence to 384 numbers, some milliseconds on one core.

Sentence vectors are the mean of the token vectors, scaled to length 1, as the model's authors define them. Weights
are 8-bit: vectors differ from the full model's by a cosine of about 0.005, for a third of the time and a quarter
of the memory.
"""

from __future__ import annotations

import functools
from pathlib import Path

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from . import encoder

Floats = NDArray[np.float32]

LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST_TOKENS = 256
SMALLEST = 1e-12


class MiniLM:
    """Reads the weights once; calls are pure and may run on any thread."""

    def __init__(self, folder: Path) -> None:
        self._encoder: ctranslate2.Encoder = encoder.build(folder / "model.safetensors", layers=LAYERS, heads=HEADS)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST_TOKENS)

    def embed(self, text: str) -> Floats:
        """The sentence's vector, float32 [384], length 1."""
        return self.tokens(text)[0]

    def tokens(self, text: str) -> tuple[Floats, Floats, list[tuple[int, int]]]:
        """Sentence vector, token vectors [n, 384], and where in the text each token stands (without the marks)."""
        encoded = self._tokenizer.encode(text)
        output = self._encoder.forward_batch([encoded.ids])
        states: Floats = np.array(output.last_hidden_state)[0]
        mean = states.mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), SMALLEST), states[1:-1], encoded.offsets[1:-1]


@functools.cache
def load(folder: Path) -> MiniLM:
    """One model for all in the process that use it."""
    return MiniLM(folder)

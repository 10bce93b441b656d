"""A deterministic voice for tests and load runs: a tone as long as the words would take, with exact word times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..base import Speech, SpokenWord, Style
from ..errors import Failed
from ..store import Store

RATE_HZ = 24_000


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word_s: float = Field(0.25, gt=0)
    """Length of a word at rate 1."""
    words_a_piece: int = Field(4, ge=1)
    """Words in each piece of speech."""
    pitch_hz: float = Field(220.0, gt=0)
    """Frequency of the tone, before the style shifts it."""


class ScriptedSynthesizer:
    rate_hz = RATE_HZ
    voices = ("default",)

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed for a voice there is not."""
        if voice not in self.voices:
            raise Failed(f"there is no voice {voice!r}; choose one of {', '.join(self.voices)}")
        words = text.split()
        length = int(self._options.word_s / style.rate * RATE_HZ)
        for first in range(0, len(words), self._options.words_a_piece):
            piece = words[first : first + self._options.words_a_piece]
            timed = tuple(
                SpokenWord(word, (first + i) * length, (first + i + 1) * length) for i, word in enumerate(piece)
            )
            yield Speech(self._tone(len(piece) * length, style), RATE_HZ, timed)

    def _tone(self, samples: int, style: Style) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        pitch_hz = self._options.pitch_hz * 2 ** (style.pitch_semitones / 12)
        return _sine(samples, pitch_hz, 6000 * 10 ** (style.energy_db / 20))


@lru_cache(64)
def _sine(samples: int, pitch_hz: float, level: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (level * np.sin(2 * np.pi * pitch_hz * np.arange(samples) / RATE_HZ)).astype(np.int16)

"""A deterministic recogniser for tests and load runs: says its lines in turn, and nothing for silence."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import Recognition, Samples, Transcript
from ..store import Store


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    texts: tuple[str, ...] = ("I had a long day.",)
    """What is heard, one after the other, then from the start again."""
    level: float = 0.005
    """Root mean square below which nothing is heard."""


class ScriptedRecognizer:
    """Which line is said depends on the audio alone (its length), so that sessions do not disturb each other."""

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        if not len(audio) or float(np.sqrt(np.mean(audio * audio))) < self._options.level:
            return Recognition(Transcript("", final=True))
        texts = self._options.texts
        text = texts[(len(audio) // 16_000) % len(texts)]
        return Recognition(Transcript(text, language=language, stable_chars=len(text), final=True))

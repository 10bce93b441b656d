"""Deterministic cues for tests and load runs: what they are told to hear, in every turn."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from ..base import Baseline, Cues, Encoding, Samples, Transcript
from ..labels import Emotion, VoiceStyle
from ..store import Store


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    emotion: dict[Emotion, float] | None = None
    """Emotion distribution; none is unknown."""
    valence: float | None = None
    """Unpleasant to pleasant, -1 to 1."""
    arousal: float | None = None
    """Calm to stirred, -1 to 1."""
    style: tuple[VoiceStyle, ...] = ()
    """Styles of the voice."""
    delay_s: float = Field(0.0, ge=0)
    """Time that each reading takes."""


class ScriptedCues:
    def __init__(self, options: Options, store: Store) -> None:
        self._options = options

    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        await asyncio.sleep(self._options.delay_s)
        return Cues(**self._options.model_dump(exclude={"delay_s"}))

"""A deterministic turn detector for tests and load runs: always as sure as it is told to be."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..base import Samples
from ..store import Store


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    completion: float = 0.95
    """The probability it gives for every pause."""


class ScriptedTurn:
    def __init__(self, options: Options, store: Store) -> None:
        self._completion = options.completion

    async def completion(self, audio: Samples) -> float:
        return self._completion

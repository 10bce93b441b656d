"""A deterministic VAD for tests and load runs: loud is speech."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import Samples
from ..store import Store


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: float = 0.01
    """Root mean square from which a frame counts as speech."""


class ScriptedVAD:
    """Stateless; its stream is itself."""

    def __init__(self, options: Options, store: Store) -> None:
        self._power = options.level**2

    def stream(self) -> ScriptedVAD:
        return self

    def probability(self, frame: Samples) -> float:
        return 0.99 if float(np.dot(frame, frame)) >= self._power * len(frame) else 0.01

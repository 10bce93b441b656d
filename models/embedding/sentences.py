"""The embedding backend of memory: all-MiniLM-L6-v2 on a thread of its own, so that the event loop never waits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ..store import Store
from ..worker import Worker
from .minilm import load


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SentenceEmbedder:
    """Shared by all sessions."""

    def __init__(self, options: Options, store: Store) -> None:
        self._model = load(store.path("minilm"))
        self._worker = Worker("embedder")

    async def embed(self, text: str) -> NDArray[np.float32]:
        """The sentence's vector, float32 [384], length 1. Raises Overloaded."""
        return await self._worker.call(self._model.embed, text.encode(errors="replace").decode())

    async def __aenter__(self) -> SentenceEmbedder:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._worker.close()

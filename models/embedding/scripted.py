"""A deterministic embedding for tests and load runs: texts that share words are alike."""

from __future__ import annotations

import re
import zlib

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ..store import Store

WIDTH = 256


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScriptedEmbedder:
    def __init__(self, options: Options, store: Store) -> None:
        pass

    async def embed(self, text: str) -> NDArray[np.float32]:
        """Counts of words of four letters and more, hashed; float32 [256], length 1 (0 for none)."""
        counts = np.zeros(WIDTH, np.float32)
        for word in re.findall(r"\w{4,}", text.lower()):
            counts[zlib.crc32(word.encode()) % WIDTH] += 1
        length = np.linalg.norm(counts)
        return counts / length if length else counts

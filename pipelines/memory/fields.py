"""Columns that are sealed: what is written in them, and read from them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .database import MemoryGone
from .kept import Vector
from .sealing import Sealer, Unreadable


class Fields:
    """Texts, vectors (kept as float16) and JSON records. Reading raises MemoryGone where a key is missing."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_text(self, text: str) -> bytes:
        return self._sealer.seal(text.encode(errors="replace"))

    def seal_vector(self, vector: Vector) -> bytes:
        return self._sealer.seal(vector.astype(np.float16).tobytes())

    def seal_record(self, value: dict[str, Any]) -> bytes:
        return self.seal_text(json.dumps(value, ensure_ascii=False))

    def open_text(self, field: bytes) -> str:
        return self._open(field).decode()

    def open_vector(self, field: bytes) -> Vector:
        return np.frombuffer(self._open(field), np.float16).astype(np.float32)

    def open_record(self, field: bytes) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._open(field))
        return value

    def sealed_anew(self, field: bytes) -> bytes:
        """The same under the first key."""
        return self._sealer.seal(self._open(field))

    def _open(self, field: bytes) -> bytes:
        try:
            return self._sealer.open(bytes(field))
        except Unreadable as error:
            raise MemoryGone(str(error)) from error

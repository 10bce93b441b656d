"""What is kept of what people say, as values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .facts import Fact, Kind

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact as it is kept; `vector` is its embedding, float32 [n], length 1."""

    id: str
    kind: Kind
    text: str
    importance: float
    timed: bool
    corrected: bool
    conversation: str
    said_at: float
    recalled_at: float | None
    vector: Vector


@dataclass(frozen=True, slots=True)
class NewFact:
    fact: Fact
    vector: Vector


@dataclass(frozen=True, slots=True)
class TurnNotes:
    """All that is kept of a turn; `recalled` is the fact that the reply was given. One with an appraisal is kept once,
    by its `id`."""

    conversation: str
    at: float
    facts: tuple[NewFact, ...] = ()
    appraisal: dict[str, Any] | None = None
    recalled: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(12))


def record(kept: Kept) -> dict[str, Any]:
    """A fact as a client sees it."""
    return {
        "id": kept.id,
        "object": "memory.fact",
        "kind": str(kept.kind),
        "text": kept.text,
        "importance": round(kept.importance, 2),
        "corrected": kept.corrected,
        "said_at": round(kept.said_at),
        "recalled_at": None if kept.recalled_at is None else round(kept.recalled_at),
    }

"""What a pull tells its observer: frozen records through one hook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process pulls into the same folder; this one goes on when that one is done."""

    root: Path


@dataclass(frozen=True, slots=True)
class Checking:
    """A file is there that was not verified yet; it is being read."""

    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """`done` of the `size` bytes of a file are there."""

    file: str
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class SourceLost:
    """A source did not give the file; the next one is asked, where there is one."""

    file: str
    problem: str


PullEvent = Waiting | Checking | Progressed | SourceLost
Observer = Callable[[PullEvent], None]


def unobserved(event: PullEvent) -> None:
    """The observer that looks away."""

"""Where a reply goes while it is made, and what its stages know of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...models.base import Appraisal, Speech
from .outputs import StatusReason, Usage


class Sink(Protocol):
    """Is told a reply piece by piece: at last, and just once, that it is `finished`."""

    def appraised(self, appraisal: Appraisal) -> None: ...
    def recalled(self, facts: tuple[str, ...]) -> None: ...
    def phrase(self, text: str) -> None: ...
    def speech(self, speech: Speech, *, starts_phrase: bool) -> None: ...
    def degraded(self, stage: str, message: str) -> None: ...
    def finished(self, usage: Usage, reason: StatusReason | None = None, error: str | None = None) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What has become of a reply so far: its words are written while earlier ones are voiced."""

    appraisal: Appraisal
    """What the reply rests on; the chat model's own line, once it has written one."""
    usage: Usage = Usage()
    reason: StatusReason | None = None
    error: str | None = None

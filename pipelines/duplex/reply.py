"""One reply: how far it has come, what it rests on, and how much of it was heard. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ...models.base import Appraisal, Situation
from .config import ResponseOptions
from .endpointing import milliseconds
from .events import ReplyFinished
from .ledger import Ledger


class Phase(StrEnum):
    WAITING = "waiting"
    """The response is announced; the words it answers are not known yet."""
    SPECULATIVE = "speculative"
    """Being made, in case the turn is over; nothing of it is visible."""
    COMMITTED = "committed"
    """Announced and being made; nothing was heard yet."""
    SPEAKING = "speaking"


LEGAL: dict[Phase | None, set[Phase | None]] = {
    None: {Phase.WAITING, Phase.SPECULATIVE, Phase.COMMITTED},
    Phase.WAITING: {Phase.COMMITTED, None},
    Phase.SPECULATIVE: {Phase.COMMITTED, None},
    Phase.COMMITTED: {Phase.SPEAKING, None},
    Phase.SPEAKING: {None},
}


@dataclass(slots=True)
class Reply:
    """One reply from its beginning to the last sample heard."""

    number: int
    options: ResponseOptions
    phase: Phase
    began: int
    stamp: tuple[int, int] | None = None
    response_id: str = ""
    item_id: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    situation: Situation | None = None
    appraisal: Appraisal | None = None
    recalled: tuple[str, ...] = ()
    played: int = 0
    finish: ReplyFinished | None = None
    ended: bool = False
    whole: bool = False
    """All of it was sent, and nobody stopped it."""
    was_speculative: bool = False
    origin: int | None = None
    timings: dict[str, int] = field(default_factory=dict)
    first_phrase_ms: int | None = None
    degraded: list[str] = field(default_factory=list)

    @property
    def heard(self) -> str:
        """The words of it that were heard so far."""
        return self.ledger.heard(self.played)

    def enter(self, phase: Phase) -> None:
        if self.phase is not phase and phase not in LEGAL[self.phase]:
            raise AssertionError(f"reply {self.number}: {self.phase} -> {phase}")
        self.phase = phase

    def mark(self, stage: str, at: int) -> None:
        """Note when a stage was reached first, in ms since the pause that is answered or else since it was begun."""
        since = self.began if self.origin is None else self.origin
        self.timings.setdefault(stage, milliseconds(at - since))

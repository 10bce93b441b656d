"""What the regions of a conversation share while one event is handled: the clock, the settings, the actions."""

from __future__ import annotations

from dataclasses import dataclass, field

from .actions import Action, Send, StartTimer, StopTimer
from .config import EmpathyConfig, SessionConfig
from .endpointing import samples
from .events import TimerKind
from .history import History
from .outputs import Notice, Output, Rejected


@dataclass(slots=True)
class Context:
    """`at` is the session clock (samples at 16 kHz) of the event in hand; `ids` counts the ids given out."""

    session_id: str
    config: SessionConfig
    history: History = field(default_factory=History)
    at: int = 0
    actions: list[Action] = field(default_factory=list)
    ids: int = 0

    @property
    def empathy(self) -> EmpathyConfig:
        return self.config.empathy

    def new_id(self, kind: str) -> str:
        """An id that is the same at every replay: kind, session, count."""
        self.ids += 1
        return f"{kind}_{self.session_id}_{self.ids}"

    def act(self, *actions: Action) -> None:
        self.actions += actions

    def send(self, output: Output) -> None:
        self.actions.append(Send(output))

    def reject(self, code: str, message: str, *, event_id: str | None, param: str | None = None) -> None:
        self.send(Rejected(code, message, param, event_id))

    def notice(self, kind: str, **fields: object) -> None:
        """Tell a client that asked for `empathy.*` events."""
        if self.empathy.events:
            self.send(Notice(kind, fields))

    def start(self, kind: TimerKind, after_ms: float, *, since: int | None = None) -> None:
        """(Re)start a timer `after_ms` from `since` (default: now), at once if that has passed."""
        self.act(StartTimer(kind, max(self.at, (self.at if since is None else since) + samples(after_ms))))

    def stop(self, kind: TimerKind) -> None:
        self.act(StopTimer(kind))

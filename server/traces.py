"""Traces of sessions that asked for one: in memory only, for the key that opened them, for a while after they end."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..pipelines.duplex.chronicle import Chronicle
from ..pipelines.duplex.config import EmpathyConfig
from ..pipelines.duplex.conversation import Conversation
from ..pipelines.duplex.history import UnknownItem
from ..pipelines.duplex.observe import Observer, Record, SessionClosed, Stepped

MOST_SESSIONS = 50
"""The oldest beyond this many are dropped, whether they have ended or not."""


@dataclass(slots=True)
class Trace:
    """One session's; `turns` is filled in once it has ended."""

    id: str
    owner: str
    user: str
    began_at: float
    ended_at: float | None = None
    chronicle: Chronicle = field(default_factory=Chronicle)
    conversation: Conversation | None = None
    ended_turns: list[dict[str, Any]] = field(default_factory=list)

    def turns(self) -> list[dict[str, Any]]:
        """What was said, felt and done, and when; `heard` as far as is known now."""
        if self.conversation is None:
            return self.ended_turns
        return self.chronicle.turns(self._heard)

    def end(self, now: float) -> None:
        self.ended_turns, self.conversation, self.ended_at = self.turns(), None, now

    def record(self) -> dict[str, Any]:
        return {
            "id": f"sess_{self.id}",
            "object": "session",
            "began_at": round(self.began_at),
            "ended_at": None if self.ended_at is None else round(self.ended_at),
            "turns": len(self.chronicle),
        }

    def _heard(self, item_id: str) -> str | None:
        assert self.conversation is not None
        try:
            return self.conversation.history.get(item_id).item.text
        except UnknownItem:
            return None


class Traces:
    """Begun by the first thing that happens while a session asks for it; dropped as soon as it does not any more."""

    def __init__(self, keep_s: float, clock: Callable[[], float] = time.time) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._held: OrderedDict[str, Trace] = OrderedDict()

    def observer(self, owner: str, conversation: Callable[[], Conversation]) -> Observer:
        """What a session tells its records to; `conversation` is asked for once it runs."""

        def observe(record: Record) -> None:
            match record:
                case Stepped():
                    self._step(record, owner, conversation())
                case SessionClosed() if record.session_id in self._held:
                    self._held[record.session_id].end(self._clock())

        return observe

    def of(self, owner: str) -> list[Trace]:
        """This owner's, newest first."""
        self._drop_old()
        return [trace for trace in reversed(self._held.values()) if trace.owner == owner]

    def get(self, owner: str, session_id: str) -> Trace | None:
        self._drop_old()
        trace = self._held.get(session_id.removeprefix("sess_"))
        return trace if trace is not None and trace.owner == owner else None

    def drop(self, owner: str, session_id: str) -> bool:
        """Forget a trace; if its session still asks for one, it begins anew."""
        trace = self.get(owner, session_id)
        if trace is None:
            return False
        del self._held[trace.id]
        return True

    def forget(self, owner: str, user: str) -> None:
        """Forget all traces of one person."""
        for trace in self.of(owner):
            if trace.user == user:
                del self._held[trace.id]

    def _step(self, record: Stepped, owner: str, conversation: Conversation) -> None:
        asked: EmpathyConfig = conversation.config.empathy
        if not asked.trace:
            self._held.pop(record.session_id, None)
            return
        trace = self._held.get(record.session_id)
        if trace is None:
            trace = Trace(record.session_id, owner, asked.user, self._clock(), conversation=conversation)
            self._held[record.session_id] = trace
            self._drop_old()
        trace.user = asked.user or trace.user
        trace.chronicle.step(record.event, record.actions)

    def _drop_old(self) -> None:
        """What ended too long ago, and the oldest of too many."""
        limit = self._clock() - self._keep_s
        old = [trace.id for trace in self._held.values() if trace.ended_at is not None and trace.ended_at < limit]
        for session_id in old:
            del self._held[session_id]
        while len(self._held) > MOST_SESSIONS:
            self._held.popitem(last=False)

"""What waits to be kept: a bounded queue, in order; what waits goes with the consent that it was given under."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ...models.base import Appraisal

BACKLOG = 1000
"""Turns that may wait to be kept; the newest beyond it are not kept."""


@dataclass(eq=False, slots=True)
class Talk:
    """A session, as its turns know it. `tickets` are the consents under which it keeps, by person."""

    owner: str
    conversation: str
    tickets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be kept of a turn. By its `id` (24 characters) it is kept once, also where its session went on at
    another server and both keep it."""

    id: str
    whose: str
    user: str
    text: str
    appraisal: Appraisal | None
    at: float
    recalled: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that waits to be kept."""

    talk: Talk
    words: Words

    @property
    def whose(self) -> str:
        return self.words.whose


@dataclass(frozen=True, slots=True)
class Episode:
    """How a conversation went; waits to be kept."""

    talk: Talk
    whose: str
    began: float
    ended: float
    summary: dict[str, Any]


Waiting = Turn | Episode


class Backlog:
    """Filled by any number of sessions, emptied by one writer."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Waiting) -> bool:
        """False: too much waits already."""
        if len(self._waiting) >= BACKLOG:
            return False
        self._waiting.append(item)
        self._idle.clear()
        self._news.set()
        return True

    def of(self, talk: Talk) -> tuple[Words, ...]:
        """Turns of a session that wait, oldest first."""
        return tuple(item.words for item in self._waiting if isinstance(item, Turn) and item.talk is talk)

    def drop(self, *, talk: Talk | None = None, whose: str | None = None) -> None:
        """Let go of what waits of a session, or of a person."""
        self._waiting = deque(item for item in self._waiting if item.talk is not talk and item.whose != whose)
        self._news.set()

    async def first(self) -> Waiting:
        """The oldest, as soon as there is one; it waits on until it is `done`."""
        while not self._waiting:
            self._idle.set()
            self._news.clear()
            await self._news.wait()
        return self._waiting[0]

    def done(self, item: Waiting) -> None:
        """It is kept, or was dropped meanwhile."""
        if self._waiting and self._waiting[0] is item:
            self._waiting.popleft()

    async def emptied(self) -> None:
        """Wait until the writer has nothing to do."""
        await self._idle.wait()

"""What a session has to deal with: its client's requests, and what its own work tells, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from .alarm import Alarm
from .commands import ClearAudio, Command, CommitAudio
from .events import Event

LIMIT = 200
"""Beyond so many an adapter should read no more."""


@dataclass(frozen=True, slots=True)
class AfterAudio:
    """A request about the audio sent before it; `pushed` samples had come by then."""

    command: CommitAudio | ClearAudio
    pushed: int


Post = Event | Command | AfterAudio


class Inbox:
    """Filled by anybody in the event loop, emptied by its session, which `wake` wakes."""

    def __init__(self, wake: Alarm) -> None:
        self._wake = wake
        self._waiting: deque[Post] = deque()
        self._taken = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, what: Post) -> None:
        self._waiting.append(what)
        self._wake.set()

    @property
    def first(self) -> Post:
        """The oldest."""
        return self._waiting[0]

    def take(self) -> Post:
        """The oldest, which waits no more."""
        return self._waiting.popleft()

    def taken(self) -> None:
        """Tell who waits for room to look again."""
        self._taken.set()

    @property
    def asked(self) -> bool:
        """Whether a request of the client waits."""
        return any(not hasattr(what, "at") for what in self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether few wait."""
        return len(self._waiting) <= LIMIT or self._closed

    async def room(self) -> None:
        """Wait until few wait."""
        while not self.has_room:
            self._taken.clear()
            await self._taken.wait()

    def close(self) -> None:
        """Nobody need wait for room any more."""
        self._closed = True
        self._taken.set()

"""What a session has said, as text of its events: numbered, bounded, and read again from any number that is held."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

ROOM_BYTES = 1 << 20
"""Events that may wait for a client before its own are left unread, and the session's answers unencoded."""
KEPT_BYTES = 4 << 20
"""Events held for a client that may come back: about a minute of 24 kHz audio."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event; `item_id` and `audio_ms` say what it holds of whose audio."""

    number: int
    text: str
    item_id: str = ""
    audio_ms: float = 0.0


class Gone(Exception):
    """Some of what is asked for is not held any more."""


class Outbox:
    """One writer, one reader. What was read is kept, up to `keep` bytes, for the reader that comes after."""

    def __init__(self) -> None:
        self._waiting: deque[Said] = deque()
        self._read: deque[Said] = deque()
        self._waiting_bytes = self._read_bytes = 0
        self._keep = 0
        self._dropped = self._newest = 0
        self._open = True
        self._served = True
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def overflowed(self) -> bool:
        """Whether more waits than may be held for a client that is away."""
        return self._waiting_bytes > KEPT_BYTES

    @property
    def waiting_bytes(self) -> int:
        """Of events that nobody has read yet."""
        return self._waiting_bytes

    def keep(self, count: int) -> None:
        """Hold so many bytes of events that were read."""
        self._keep = count
        self._trim()

    def add(self, said: Said) -> None:
        self._waiting.append(said)
        self._waiting_bytes += len(said.text)
        self._newest = said.number
        self._news.set()

    async def next(self) -> Said | None:
        """The next event; `None` at the end."""
        while not self._waiting:
            if not self._open:
                return None
            self._news.clear()
            await self._news.wait()
        said = self._waiting.popleft()
        self._waiting_bytes -= len(said.text)
        self._read.append(said)
        self._read_bytes += len(said.text)
        self._trim()
        if self._waiting_bytes < ROOM_BYTES:
            self._room.set()
        return said

    @property
    def has_room(self) -> bool:
        """Whether little waits, or nobody reads."""
        return self._waiting_bytes < ROOM_BYTES or not self._served or not self._open

    async def room(self) -> None:
        """Wait until little waits; not at all while nobody reads."""
        while not self.has_room:
            self._room.clear()
            await self._room.wait()

    def serve(self, served: bool) -> None:
        """Say whether somebody reads."""
        self._served = served
        self._room.set()

    def check(self, last: int) -> None:
        """Whether reading can go on after number `last`. Raises Gone, or ValueError where it was never said."""
        if not 0 <= last <= self._newest:
            raise ValueError(last)
        if last < self._dropped:
            raise Gone(last)

    def rewind(self, last: int) -> list[Said]:
        """Go on after number `last`; gives what was read beyond it. Raises Gone, ValueError."""
        self.check(last)
        again: deque[Said] = deque()
        while self._read and self._read[-1].number > last:
            again.appendleft(self._read.pop())
        size = sum(len(said.text) for said in again)
        self._read_bytes -= size
        self._waiting.extendleft(reversed(again))
        self._waiting_bytes += size
        self._news.set()
        return list(again)

    def held(self) -> list[Said]:
        """All that could be read, again or for the first time."""
        return [*self._read, *self._waiting]

    def restore(self, said: Sequence[Said], newest: int) -> None:
        """Before anything was said: hold what another one held; `newest` is the number of its last event."""
        self._read.extend(said)
        self._read_bytes = sum(len(each.text) for each in said)
        self._dropped = said[0].number - 1 if said else newest
        self._newest = newest

    def close(self) -> None:
        """Nothing more will be said."""
        self._open = False
        self._news.set()
        self._room.set()

    def _trim(self) -> None:
        while self._read and self._read_bytes > self._keep:
            said = self._read.popleft()
            self._read_bytes -= len(said.text)
            self._dropped = said.number

"""Who is next at a model that serves few at a time: callers take turns, and one with many calls waits for itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from .errors import Overloaded

caller: ContextVar[str] = ContextVar("affetto_caller", default="")
"""Whose calls these are: the id of the session, or of the request. Set once by whoever serves it."""


class Turns:
    """`places` calls at a time, at most `backlog` waiting, each caller's one after another.

    Round robin over callers (Nagle, RFC 970, 1985): with n of them waiting, each gets 1/n of the model.
    """

    def __init__(self, name: str, places: int, *, backlog: int = 64) -> None:
        self._name = name
        self._places = places
        self._backlog = backlog
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self.active = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place. Raises Overloaded where too many wait."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    async def enter(self) -> None:
        """Wait for a place; `leave` gives it back. Raises Overloaded where too many wait."""
        if self.active < self._places and not self.waiting:
            self.active += 1
            return
        if self.waiting >= self._backlog:
            raise Overloaded(f"{self._name} has {self._backlog} calls waiting already; try again in a moment")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller.get(), deque()).append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given to a caller who has just left
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back, to whoever is next."""
        self.active -= 1
        while self._waiting and self.active < self._places:
            who, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            self.waiting -= 1
            if queue:
                self._waiting[who] = queue
            if not turn.done():
                self.active += 1
                turn.set_result(None)

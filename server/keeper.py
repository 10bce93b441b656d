"""Keeps one session's row in the shared database in step with it (handover.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .handover import MOST_PERSONS, Handover, State
from .handover_store import Parked

FIRST = 1
"""The epoch of a row that is written for the first time; it may be there before its writer hears of it."""


class Keeper:
    """`state` gives what there is to write, or `None` while the session is not quiet; `lost` is called once
    another gateway has it. Whose person was forgotten is not written any more, and goes on."""

    def __init__(
        self,
        handover: Handover,
        session_id: str,
        owner: str,
        *,
        state: Callable[[], State | None],
        passes: Callable[[], tuple[bytes, ...]],
        lost: Callable[[], None],
        epoch: int = 0,
        whose: tuple[str, ...] = (),
    ) -> None:
        self._handover = handover
        self._id, self._owner = session_id, owner
        self._state, self._passes, self._lost = state, passes, lost
        self._epoch = epoch
        self._written: State | None = None
        self._whose = whose
        self._response: dict[str, Any] | None = None
        self._stale = self._due = True
        self._news = asyncio.Event()
        self._news.set()
        self._off = self._held = self._finished = False
        self._writing = asyncio.Lock()

    def spoke(self, whose: str | None) -> None:
        """Who is known to speak in this session."""
        if whose and whose not in self._whose:
            self._whose = (*self._whose, whose)

    def changed(self) -> None:
        """The session is not as it was written any more."""
        self._stale = True
        self._news.set()

    def stepped(self) -> None:
        """Something happened: the session may be quiet now."""
        if self._stale:
            self._news.set()

    def turned(self) -> None:
        """Other tokens are good now."""
        self._due = True
        self._news.set()

    def responding(self, response: dict[str, Any] | None) -> None:
        """What is being said from now on: its record when it was created, or nothing."""
        self._response = response
        self._due = True
        self._news.set()

    def hold(self, state: State) -> None:
        """The session ends here, with this as its last state."""
        self._written, self._held = state, True

    @property
    def known(self) -> bool:
        """Whether other gateways know of the session, as far as they ever will."""
        return bool(self._epoch) or self._off

    @property
    def behind(self) -> bool:
        """Whether other gateways know of it, but not of its newest tokens: the database could not be reached."""
        return bool(self._epoch) and self._due and not self._off

    async def news(self) -> bool:
        """Wait until there may be something to write; False: there will be nothing more, but for `end`."""
        await self._news.wait()
        self._news.clear()
        return not self._finished

    def finish(self) -> None:
        """The session ends. A write under way is let end: one that is cut off costs its connection to the database."""
        self._finished = True
        self._news.set()

    async def write(self) -> bool:
        """Write what there is now; gives whether another gateway could go on from just here."""
        async with self._writing:
            return await self._write()

    async def elsewhere(self) -> bool | None:
        """Whether the session has gone on at another gateway meanwhile; `None` where nobody can tell now."""
        return await self._handover.elsewhere(self._id, self._epoch or FIRST)

    async def end(self, *, kept: bool) -> None:
        """The session ends here; `kept`: to go on elsewhere."""
        async with self._writing:
            if kept:
                self._due = True  # the last write may have been cut off
                await self._write()
            elif self._epoch:
                await self._handover.drop(self._id, self._epoch)
            self._off = True

    async def _write(self) -> bool:
        passes = self._passes()
        if self._off or len(self._whose) > MOST_PERSONS:
            return False
        if not passes:
            if self._epoch:
                await self._handover.drop(self._id, self._epoch)
                self._epoch, self._written, self._stale = 0, None, True
            return False
        current = self._state() if self._stale and not self._held else None
        if current is not None:
            self._written, self._stale, self._due = current, False, True
        if self._written is not None and self._due:
            self._due = False
            await self._put(passes)
        return self._written is not None and not self._stale

    async def _put(self, passes: tuple[bytes, ...]) -> None:
        assert self._written is not None
        state = self._written.model_copy(update={"response": self._response}).model_dump_json().encode()
        parked = Parked(self._id, self._epoch, self._owner, self._whose, passes, state)
        kept = await self._handover.put(parked)
        if kept is None:
            self._stale = self._due = True
        elif not kept:
            self._off = True
            if await self.elsewhere():
                self._lost()
        else:
            self._epoch = self._epoch or FIRST

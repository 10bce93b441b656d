"""Whether a session's client is there, and how long one may be silent, away, or here at all."""

from __future__ import annotations

import asyncio
import time

from .settings import ServerSection


class Presence:
    """Times are of the monotonic clock, in seconds; the limits are the settings' `session_s`, `idle_s`, `resume_s`."""

    def __init__(self, limits: ServerSection) -> None:
        self._limits = limits
        self._heard_at = time.monotonic()
        self._ends_at = self._heard_at + limits.session_s
        self._away = asyncio.Event()
        self._back = asyncio.Event()

    def last(self, seconds: float) -> None:
        """The session began elsewhere: this much of its time is left."""
        self._ends_at = time.monotonic() + seconds

    def heard(self) -> None:
        """The client has said something."""
        self._heard_at = time.monotonic()

    def go(self) -> None:
        """The client has lost its line, and may come back."""
        self._back.clear()
        self._away.set()

    def come_back(self) -> None:
        self.heard()
        self._back.set()

    @property
    def over(self) -> bool:
        """Whether the session has reached its longest time."""
        return time.monotonic() > self._ends_at

    @property
    def silent(self) -> bool:
        """Whether nothing was heard of the client for too long."""
        return time.monotonic() - self._heard_at > self._limits.idle_s

    async def look(self) -> None:
        """Wait until it is time to look at the limits again."""
        await asyncio.sleep(min(5.0, self._limits.idle_s / 4, self._limits.session_s / 4))

    async def given_up(self) -> None:
        """Wait until a client that went away has not come back in time."""
        while True:
            await self._away.wait()
            self._away.clear()
            try:
                async with asyncio.timeout(self._limits.resume_s):
                    await self._back.wait()
            except TimeoutError:
                return

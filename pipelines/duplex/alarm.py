"""What a session sleeps on: woken by whoever has something for it, or when the next thing is due."""

from __future__ import annotations

import asyncio


class Alarm:
    """An event with a time limit, for one sleeper. It sleeps and wakes fifty times a second in each session, and
    `asyncio.timeout` around `Event.wait` costs three times as much."""

    def __init__(self) -> None:
        self._set = False
        self._sleeper: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._set = True
        self._wake()

    def clear(self) -> None:
        self._set = False

    async def wait_until(self, when: float | None) -> None:
        """Until set, or until a time of the loop's clock (`None`: for ever), whichever is first."""
        if self._set:
            return
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        timer = None if when is None else loop.call_at(when, self._wake)
        try:
            await self._sleeper
        finally:
            self._sleeper = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

"""Hundreds of callers in one process, for load runs against scripted models; `line.py` is the client that hears like a
person.

Each caller says the same thing over and over, in real time: a voice, then silence while it is answered.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from ...server.protocol import PATH
from ..errors import CannotConnect
from .caller import Caller, Told, append

GUARD_S = 20.0
"""A caller that is not let in, or not let go, within this time has failed."""
SETTLE_S = 2.0
"""The last answers arrive within this time."""


@dataclass(frozen=True, slots=True)
class Talk:
    """How each caller talks: `voice_s` of every `turn_s`, in messages of `chunk_ms`."""

    voice_s: float = 2.0
    turn_s: float = 8.0
    chunk_ms: int = 20
    turns_a_call: int = 0
    """After so many turns a caller hangs up and another calls; 0: none does."""

    @property
    def chunks(self) -> int:
        """Messages of a turn."""
        return round(self.turn_s * 1000 / self.chunk_ms)

    @property
    def voiced(self) -> int:
        """Those of them that hold a voice."""
        return round(self.voice_s * 1000 / self.chunk_ms)


@dataclass(slots=True)
class _Seat:
    """A caller's place in the swarm: whoever hangs up is followed by another."""

    caller: Caller
    offset: int
    talking: bool = False
    """In the middle of a turn; only whole ones count."""
    turns: int = 0


class Swarm:
    """Callers whose turns, and the messages within each, are spread evenly over time."""

    def __init__(self, url: str, talk: Talk, *, api_key: str | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._talk = talk
        self._frames = (append(talk.chunk_ms, loud=True), append(talk.chunk_ms, loud=False))
        self._seats: list[_Seat] = []
        self._dialling: set[asyncio.Task[None]] = set()
        self._chunk = 0
        self.told: list[Told] = []
        """Of every caller so far."""
        self.late_s = 0.0
        """How late this client itself was at worst."""

    def __len__(self) -> int:
        return len(self._seats)

    async def add(self, count: int) -> int:
        """More callers, one after the other; gives how many were let in. Raises CannotConnect."""
        entered = 0
        for _ in range(count):
            caller = await self._dial()
            entered += not caller.told.refused
            # A golden-ratio sequence spreads any number of turns evenly over their length.
            offset = round(len(self._seats) * 0.6180339887 % 1.0 * self._talk.chunks)
            self._seats.append(_Seat(caller, offset))
        return entered

    async def talk(self, seconds: float) -> None:
        """All callers talk, at real time."""
        await self._run(round(seconds * 1000 / self._talk.chunk_ms), begin=True)

    async def finish(self) -> None:
        """Turns that have begun are spoken and answered; no new one begins."""
        await self._run(self._talk.chunks + round(SETTLE_S * 1000 / self._talk.chunk_ms), begin=False)

    async def hang_up(self) -> None:
        """Everybody says goodbye."""
        for task in self._dialling:
            task.cancel()
        for seat in self._seats:
            seat.caller.hang_up()
        async with asyncio.timeout(GUARD_S):
            for seat in self._seats:
                await seat.caller.gone.wait()

    async def _dial(self) -> Caller:
        caller = Caller(f"{self._host}:{self._port}", PATH, self._headers)
        self.told.append(caller.told)
        try:
            async with asyncio.timeout(GUARD_S):
                loop = asyncio.get_running_loop()
                await loop.create_connection(partial(_same, caller), self._host, self._port)
                await caller.open
        except (OSError, TimeoutError) as error:
            caller.told.errors.append("no_answer")
            raise CannotConnect(f"caller {len(self.told)} finds no server: {error}") from error
        return caller

    async def _run(self, chunks: int, *, begin: bool) -> None:
        loop, talk = asyncio.get_running_loop(), self._talk
        steps = min(talk.chunk_ms, 20)
        began = loop.time()
        for tick in range(chunks * steps):
            wait = began + tick * talk.chunk_ms / 1000 / steps - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                self.late_s = max(self.late_s, -wait)
            for seat in self._seats[tick % steps :: steps]:
                self._speak(seat, (self._chunk + tick // steps + seat.offset) % talk.chunks, begin=begin)
        self._chunk += chunks

    def _speak(self, seat: _Seat, chunk: int, *, begin: bool) -> None:
        """One message: of a turn, or silence."""
        caller, voiced = seat.caller, self._talk.voiced
        if chunk == 0:
            if seat.talking:
                self._end_turn(seat)
            seat.talking = begin
        loud = seat.talking and chunk < voiced
        caller.say(self._frames[not loud], voice_ends=loud and chunk == voiced - 1)
        caller.told.turns += loud and chunk == voiced - 1

    def _end_turn(self, seat: _Seat) -> None:
        seat.caller.control()
        seat.turns += 1
        if self._talk.turns_a_call and seat.turns % self._talk.turns_a_call == 0:
            task = asyncio.create_task(self._follow(seat))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _follow(self, seat: _Seat) -> None:
        """Another caller takes the seat; the one before leaves once its request is answered."""
        caller = seat.caller
        try:
            seat.caller = await self._dial()
        except CannotConnect:  # it is counted; who had the seat keeps it
            return
        seat.talking = False
        await asyncio.sleep(SETTLE_S)
        caller.hang_up()


def _same(caller: Caller) -> Caller:
    return caller

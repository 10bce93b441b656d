"""A sound card without a card: a scripted speaker and a listening ear on one clock, in real time.

A script is a generator that gives the user's next 20 ms each time it is asked, and may look at the line meanwhile
(what was said to it, what sounds) to decide. Both sides are kept as tracks on the same clock, so that what a
person would have heard, and when, can be measured afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from ..server.protocol import PCM_RATE_HZ
from .connection import Call, Event
from .playout import Playout
from .turn import AUDIBLE, Pcm

T = TypeVar("T")

BLOCK = PCM_RATE_HZ // 50
BLOCK_S = BLOCK / PCM_RATE_HZ
REPORT_EVERY = 5
"""Blocks between two reports of playback, 100 ms."""
SILENT_KINDS = frozenset({"response.output_audio.delta", "empathy.backchannel"})

Script = Generator[Pcm, None, T]


class Clock(Protocol):
    def time(self) -> float: ...

    async def sleep_until(self, when: float) -> None: ...


class LoopClock:
    """The event loop's time."""

    def time(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - self.time()))


@dataclass(frozen=True, slots=True)
class Noted:
    """An event without its audio, and when it came, in seconds on the line's clock."""

    at_s: float
    event: Event


@dataclass(frozen=True, slots=True)
class Flush:
    """The rest of an answer was thrown away."""

    at_s: float
    item_id: str
    samples: int


@dataclass(slots=True)
class Line:
    """One call as a person on the phone has it; times are seconds since it began."""

    playout: Playout
    on_event: Callable[[Event, float], None] = lambda event, at_s: None
    blocks: int = 0
    events: list[Noted] = field(default_factory=list)
    flushes: list[Flush] = field(default_factory=list)
    late_s: float = 0.0
    """How far behind real time the client itself fell, at worst: figures are as good as this is small."""
    _said: list[Pcm] = field(default_factory=list)
    _heard: list[Pcm] = field(default_factory=list)
    _items: list[str] = field(default_factory=list)
    _silent_for: int = 10**6
    _responses: int = 0

    @property
    def now_s(self) -> float:
        """The moment up to which the user has spoken and listened."""
        return self.blocks * BLOCK_S

    @property
    def said(self) -> Pcm:
        """All that the user said."""
        return np.concatenate(self._said) if self._said else np.zeros(0, np.int16)

    @property
    def heard(self) -> Pcm:
        """All that came out of the loudspeaker."""
        return np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)

    @property
    def items(self) -> list[str]:
        """For each block the answer that sounded in it, or ""."""
        return self._items

    @property
    def quiet_s(self) -> float:
        """For how long nothing audible has come out of the loudspeaker."""
        return self._silent_for * BLOCK_S

    @property
    def responding(self) -> bool:
        """Whether an answer is under way."""
        return self._responses > 0

    def block_heard(self, block: int) -> Pcm:
        """What came out of the loudspeaker in one block."""
        return self._heard[block]

    def take(self, event: Event, at_s: float) -> None:
        """An event came."""
        waiting = self.playout.waiting
        self.playout.take(event)
        if self.playout.waiting < waiting:
            self.flushes.append(Flush(at_s, self.playout.item_id, waiting))
        self.on_event(event, at_s)
        self._responses += {"response.created": 1, "response.done": -1}.get(event["type"], 0)
        if event["type"] in SILENT_KINDS:
            event = {key: value for key, value in event.items() if key != "delta"}
        self.events.append(Noted(at_s, event))

    def step(self, spoken: Pcm) -> None:
        """20 ms have passed, in which the user said this."""
        before = (self.playout.item_id, self.playout.played)
        block = self.playout.fill(BLOCK)
        sounded = (self.playout.item_id, self.playout.played) != before
        self._said.append(spoken)
        self._heard.append(block)
        self._items.append(self.playout.item_id if sounded else "")
        audible = bool(np.abs(block.astype(np.int32)).max() >= AUDIBLE)
        self._silent_for = 0 if audible else self._silent_for + 1
        self.blocks += 1

    # -- parts of scripts --------------------------------------------------------------------------

    def say(self, pcm: Pcm) -> Script[None]:
        """Speak this."""
        for at in range(0, len(pcm), BLOCK):
            piece = pcm[at : at + BLOCK]
            yield np.pad(piece, (0, BLOCK - len(piece)))

    def hush(self, seconds: float) -> Script[None]:
        """Say nothing for so long."""
        for _ in range(round(seconds / BLOCK_S)):
            yield np.zeros(BLOCK, np.int16)

    def wait(self, until: Callable[[], bool], *, limit_s: float) -> Script[bool]:
        """Say nothing until something is so; False where that took too long."""
        deadline = self.now_s + limit_s
        while not until():
            if self.now_s >= deadline:
                return False
            yield np.zeros(BLOCK, np.int16)
        return True


async def run(
    call: Call, line: Line, script: Script[Any], *, reports: bool = False, clock: Clock | None = None
) -> None:
    """Live the script out on a call, in real time; returns when it ends. Raises CallEnded."""
    held = clock or LoopClock()
    start = held.time()
    try:
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(_listen(call, line, held, start))
            await _speak(call, line, script, held, start, reports=reports)
            listener.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _listen(call: Call, line: Line, clock: Clock, start: float) -> None:
    async for event in call:
        line.take(event, clock.time() - start)


async def _speak(call: Call, line: Line, script: Script[Any], clock: Clock, start: float, *, reports: bool) -> None:
    """What is spoken in 20 ms can be sent at their end; what is played in them must be there at their beginning."""
    reported = ("", 0)
    spoken: Pcm | None = None
    for following in script:
        due = start + line.now_s
        await clock.sleep_until(due)
        line.late_s = max(line.late_s, clock.time() - due)
        if spoken is not None:
            await call.send_audio(spoken)
        spoken = following
        line.step(spoken)
        playing = (line.playout.item_id, line.playout.played_ms)
        if reports and playing != reported and line.blocks % REPORT_EVERY == 0:
            reported = playing
            await call.report_played(*playing)

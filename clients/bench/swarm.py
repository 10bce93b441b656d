"""Hundreds of callers in one process, cheaply: what they send is made once, and of what they get only what is asked
of it is read. For load runs against scripted models; `line.py` is the client that hears like a person.

Each caller says the same thing over and over, in real time: a voice, then silence while it is answered.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ...server.protocol import PATH, PCM_RATE_HZ
from ..errors import CannotConnect

VOICE_HZ = 300
VOICE_LEVEL = 8000
GUARD_S = 20.0
"""A caller that is not let in, or not let go, within this time has failed."""
SETTLE_S = 2.0
"""The last answers arrive within this time."""

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_TYPE = re.compile(rb'\{"type": "([a-z_.]+)", "event_id": "event_\w+?_(\d+)(?:-\d+)?"')
EXPECTED = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_audio.done",
    "response.done",
)
"""What every turn brings, once."""
CONTROL, ACKNOWLEDGED = "session.update", "session.updated"


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
class Told:
    """What one caller went through."""

    turns: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    v2v_ms: list[float] = field(default_factory=list)
    missing: int = 0
    """Numbers of events that never came: what the server dropped."""
    controls: int = 0
    errors: list[str] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    refused: int = 0
    """HTTP status of a refusal before the upgrade."""

    def dropped(self) -> int:
        """Events of turns, and answers to requests, that did not come; once all had their time."""
        lost = sum(max(0, self.turns - self.counts.get(kind, 0)) for kind in EXPECTED)
        return lost + max(0, self.controls - self.counts.get(ACKNOWLEDGED, 0)) + self.missing


class Caller(asyncio.Protocol):
    """One WebSocket client (RFC 6455): text frames out, made beforehand; frames in, looked at by their first bytes.

    Frames are masked with a key of zeros, which leaves their text as it is: made once, they serve every caller.
    """

    def __init__(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        self._request = _handshake(host, path, headers)
        self._held = bytearray()
        self._up = False
        self._last = -1
        self._spoke_until: float | None = None
        self.told = Told()
        self.open: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._up and not self._upgraded():
            return
        for opcode, payload in self._frames():
            self._take(opcode, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        if not self.open.done():
            self.open.set_result(False)
        if self.told.closed is None:
            self.told.closed = (1006, "")

    def say(self, frame: bytes, *, voice_ends: bool = False) -> None:
        """Send a frame; `voice_ends` starts the clock to the answer."""
        if self.transport is not None and not self.gone.is_set():
            self.transport.write(frame)
            if voice_ends:
                self._spoke_until = asyncio.get_running_loop().time()

    def control(self) -> None:
        """A request that must be answered."""
        self.say(CONTROL_FRAME)
        self.told.controls += 1

    def hang_up(self) -> None:
        self.say(frame(CLOSE, struct.pack("!H", 1000)))

    def _upgraded(self) -> bool:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return False
        status = int(self._held.split(b" ", 2)[1])
        self._up = status == 101
        if not self._up:
            self.told.refused = status
            assert self.transport is not None
            self.transport.close()
            return False
        del self._held[: end + 4]
        self.open.set_result(True)
        return True

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        held, at = self._held, 0
        while len(held) >= at + 2:
            length, head = held[at + 1], 2
            if length == 126:
                head, length = 4, int.from_bytes(held[at + 2 : at + 4])
            elif length == 127:
                head, length = 10, int.from_bytes(held[at + 2 : at + 10])
            if len(held) < at + head + length:
                break
            yield held[at] & 0xF, bytes(held[at + head : at + head + length])
            at += head + length
        del held[:at]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self._event(payload)
        elif opcode == PING:
            self.say(frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2]) if payload else 1005
            self.told.closed = (code, payload[2:].decode())
            self.say(frame(CLOSE, payload[:2]))

    def _event(self, payload: bytes) -> None:
        found = _TYPE.match(payload)
        if found is None:
            self.told.errors.append(payload[:200].decode(errors="replace"))
            return
        kind, number = found[1].decode(), int(found[2])
        if self._last >= 0:
            self.told.missing += max(0, number - self._last - 1)
        self._last = number
        self.told.counts[kind] = self.told.counts.get(kind, 0) + 1
        if kind == "response.output_audio.delta" and self._spoke_until is not None:
            self.told.v2v_ms.append((asyncio.get_running_loop().time() - self._spoke_until) * 1000)
            self._spoke_until = None
        elif kind == "error":
            self.told.errors.append(json.loads(payload)["error"].get("code", "?"))


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


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    return head + bytes(4) + payload


def event(kind: str, **fields: Any) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **fields}).encode())


def append(milliseconds: int, *, loud: bool) -> bytes:
    """Microphone audio: a tone whose waves fit a message evenly, or silence."""
    samples = np.arange(PCM_RATE_HZ * milliseconds // 1000)
    wave = VOICE_LEVEL * np.sin(2 * np.pi * VOICE_HZ * samples / PCM_RATE_HZ) * loud
    return event("input_audio_buffer.append", audio=base64.b64encode(wave.astype("<i2").tobytes()).decode())


CONTROL_FRAME = event(CONTROL, session={"type": "realtime"})


def _same(caller: Caller) -> Caller:
    return caller


def _handshake(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()

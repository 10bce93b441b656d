"""One of hundreds of callers in a process, cheaply: what it sends is made once for all of them, and of what it gets
only what is asked of it is read."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...server.protocol import PCM_RATE_HZ

VOICE_HZ = 300
VOICE_LEVEL = 8000
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


def _handshake(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()

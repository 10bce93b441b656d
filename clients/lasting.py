"""A socket that outlives its line: it comes back where the last one broke, says again what was not taken in, and hears
what it missed (docs/wire.md, "Coming back after a broken line")."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus, WebSocketException

from .errors import CallEnded

COME_BACK_S = 60.0
"""For how long a lost line is sought; servers keep a session no longer, unless they are told to."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
KEPT_BYTES = 2 << 20
"""Of what was sent and may not have arrived, or waits for a line: half a minute of sound."""
PASSING = frozenset({429, 500, 502, 503, 504})
"""Refusals that may be over in a moment."""

Open = Callable[[Mapping[str, str]], Awaitable[ClientConnection]]


class LastingSocket:
    """As a `ClientConnection`, as far as a call needs one; `open_line` makes a line, given headers. Without one,
    what is sent waits: sound beyond `KEPT_BYTES` is dropped, the oldest first, anything else is not."""

    def __init__(self, socket: ClientConnection, open_line: Open) -> None:
        self._socket = socket
        self._open = open_line
        self._token = self._last = ""
        self._sent: deque[str] = deque()
        self._forgotten = 0
        self._waiting: deque[str] = deque()
        self._away = False
        self.resumed = 0
        """How often the line was lost and found."""

    @property
    def close_reason(self) -> str | None:
        return self._socket.close_reason

    async def send(self, text: str) -> None:
        """Send, now or as soon as there is a line. Raises ConnectionClosed where there will be none."""
        if self._away:
            self._waiting.append(text)
            _drop_sound(self._waiting)
            return
        await self._transmit(text)

    async def recv(self) -> str:
        """The next event. Raises ConnectionClosed where the server ended the call, CallEnded where it cannot go on."""
        while True:
            try:
                text = str(await self._socket.recv())
            except ConnectionClosedError as error:
                if not self._token:
                    raise
                await self._come_back(error)
            else:
                self._note(text)
                return text

    async def close(self) -> None:
        await self._socket.close()

    async def _transmit(self, text: str) -> None:
        self._sent.append(text)
        while sum(map(len, self._sent)) > KEPT_BYTES:
            self._sent.popleft()
            self._forgotten += 1
        try:
            await self._socket.send(text)
        except ConnectionClosedError:
            if not self._token:
                raise

    def _note(self, text: str) -> dict[str, object]:
        event: dict[str, object] = json.loads(text)
        self._last = str(event.get("event_id", self._last))
        if isinstance(session := event.get("session"), dict):
            empathy = session.get("empathy") or {}
            self._token = empathy.get("resume_token", "")
            return dict(empathy)
        return {}

    async def _come_back(self, error: ConnectionClosedError) -> None:
        self._away = True
        try:
            async with asyncio.timeout(COME_BACK_S):
                for wait_s in _waits():
                    if await self._try(error):
                        return
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            raise CallEnded("the call has ended: the connection broke, and no other could be made") from error

    async def _try(self, error: ConnectionClosedError) -> bool:
        """Whether there is a line again, with all said on it that had not arrived."""
        try:
            self._socket = await self._open({"Affetto-Resume": self._token, "Last-Event-ID": self._last})
            taken = int(str(self._note(str(await self._socket.recv())).get("events_taken", 0)))
            missed = list(self._sent)[max(0, taken - self._forgotten) :]
            self._waiting.extendleft(reversed(missed))
            self._sent.clear()
            self._forgotten = taken
            while self._waiting:
                await self._transmit(self._waiting.popleft())
        except InvalidStatus as refused:
            if refused.response.status_code in PASSING:
                return False
            raise CallEnded(f"the call has ended: {_reason(refused)}") from error
        except (ConnectionClosed, OSError, TimeoutError, WebSocketException):
            return False
        self._away = False
        self.resumed += 1
        return True


def _reason(refused: InvalidStatus) -> str:
    """What the server said to it."""
    try:
        return str(json.loads(refused.response.body or b"")["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the connection broke, and the server refused another with status {refused.response.status_code}"


def _waits() -> Iterator[float]:
    """Seconds between two attempts: longer each time, and not the same for all whom one server lost."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s * random.uniform(0.5, 1)
        wait_s = min(LONGEST_WAIT_S, wait_s * 2)


def _drop_sound(frames: deque[str]) -> None:
    while sum(map(len, frames)) > KEPT_BYTES:
        oldest = next((frame for frame in frames if '"input_audio_buffer.append"' in frame[:64]), None)
        if oldest is None:
            return
        frames.remove(oldest)

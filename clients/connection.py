"""A small client of the realtime protocol: connect, send sound or text, read events. Needs `websockets` only.

async with affetto.connect("ws://localhost:8600") as call:
    await call.say("I got the job!")
    async for event in call:
        print(event["type"])
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

Event = dict[str, Any]

WIRE_RATE_HZ = 24_000
MESSAGE_BYTES = 4 * 2**20


class ConnectionRefused(Exception):
    """The server did not let us in, or is not there; the message says which and what to do."""


class ServerError(Exception):
    """The server sent an `error` event where an answer was expected."""


def endpoint(url: str) -> str:
    """The WebSocket address for what a user types: http or ws, with or without the path."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    if not path.endswith("/realtime"):
        path = f"{path.removesuffix('/v1')}/v1/realtime"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class Call:
    """A live session. Iterate over it for events; several tasks may send."""

    def __init__(self, socket: ClientConnection, created: Event) -> None:
        self._socket = socket
        self.session: Event = created["session"]

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def update(self, session: Mapping[str, Any]) -> None:
        """Change the session; `session.updated` follows."""
        await self.send("session.update", session={"type": "realtime", **session})

    async def send_audio(self, pcm: bytes) -> None:
        """Send microphone audio: 24 kHz mono signed 16-bit little-endian."""
        await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    async def say(self, text: str, *, spoken: bool = True) -> None:
        """Take a turn in writing and ask for the answer, spoken or written."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create", response={"output_modalities": ["audio" if spoken else "text"]})

    async def report_played(self, item_id: str, played_ms: int) -> None:
        """Tell how much of an answer has come out of the loudspeaker."""
        await self.send("empathy.playback", item_id=item_id, played_ms=played_ms)

    async def truncate(self, item_id: str, played_ms: int) -> None:
        """Tell that an answer was stopped after so much of it."""
        await self.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=played_ms)

    async def wait_for(self, *kinds: str) -> Event:
        """The next event of these kinds. Raises ServerError for an `error` event that is none of them."""
        async for event in self:
            if event["type"] in kinds:
                return event
            if event["type"] == "error":
                raise ServerError(event["error"]["message"])
        raise ConnectionRefused("the server ended the session")

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events()

    async def _events(self) -> AsyncIterator[Event]:
        async for message in self._socket:
            yield json.loads(message)


class connect:  # noqa: N801 - reads as a function, as in websockets and httpx
    """Open a session: `async with connect(url) as call`. `session` is a first `session.update`.

    Raises:
        ConnectionRefused: nobody listens there, or the key is wrong.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, session: Mapping[str, Any] | None = None, timeout_s: float = 20
    ) -> None:
        self._url = endpoint(url)
        self._key = api_key
        self._session = session
        self._timeout_s = timeout_s
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Call:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._socket = await self._open()
                call = Call(self._socket, json.loads(await self._socket.recv()))
                if self._session is not None:
                    await call.update(self._session)
                    call.session = (await call.wait_for("session.updated"))["session"]
                return call
        except BaseException:
            await self.__aexit__(None, None, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _open(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            return await open_socket(
                self._url, additional_headers=headers, max_size=MESSAGE_BYTES, compression=None, proxy=None
            )
        except websockets.exceptions.InvalidStatus as error:
            raise ConnectionRefused(_refusal(self._url, error)) from error
        except (OSError, websockets.exceptions.WebSocketException) as error:
            raise ConnectionRefused(
                f"no server answers at {self._url} ({error}): start one with `affetto serve`, or give --url"
            ) from error


def _refusal(url: str, error: websockets.exceptions.InvalidStatus) -> str:
    status = error.response.status_code
    if status == 401:
        return f"{url} wants another key: give it with --key or $AFFETTO_KEY"
    try:
        message = json.loads(error.response.body or b"")["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "no reason was given"
    return f"{url} refused the connection with status {status}: {message}"


@asynccontextmanager
async def closing_after(call: Call, seconds: float) -> AsyncIterator[Call]:
    """Give a conversation a longest time. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        yield call

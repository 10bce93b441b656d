"""A small client of the realtime protocol: connect, send sound or text, read events.

async with affetto.connect("ws://localhost:8600", instructions="You are a kind coach.") as call:
    await call.say("I got the job!")
    turn = await call.turn()
    print(turn.reply)

A call has one reader: iterate over it, or wait for a `turn`. Any number of tasks may send.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from ..server.protocol import PATH
from .errors import CallEnded, CannotConnect, Refused, ServerError
from .lasting import LastingSocket
from .turn import Pcm, Turn, TurnCollector

Event = dict[str, Any]

DEFAULT_URL = "ws://127.0.0.1:8600"
URL_VARIABLE, KEY_VARIABLE = "AFFETTO_URL", "AFFETTO_KEY"
MESSAGE_BYTES = 4 * 2**20
CLOSE_S = 2.0


def endpoint(url: str) -> str:
    """The WebSocket address for what a user types: http or ws, with or without the path."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    if not path.endswith("/realtime"):
        path = path.removesuffix("/v1") + PATH
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class Call:
    """A live session. `session` is its effective state, as the server last told it."""

    def __init__(self, socket: ClientConnection | LastingSocket) -> None:
        self._socket = socket
        self.session: Event = {}

    # -- what one can say --------------------------------------------------------------------------

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one event. Raises CallEnded."""
        try:
            await self._socket.send(json.dumps({"type": kind, **fields}))
        except websockets.exceptions.ConnectionClosed as error:
            raise _ended(error) from error

    async def update(self, session: Mapping[str, Any]) -> None:
        """Change the session, key by key; `session.updated` or `error` follows."""
        await self.send("session.update", session={"type": "realtime", **session})

    async def send_audio(self, pcm: bytes | Pcm) -> None:
        """Send microphone audio, mono signed 16-bit at 24 kHz: an array, or its little-endian bytes."""
        data = pcm.astype("<i2").tobytes() if isinstance(pcm, np.ndarray) else pcm
        await self.send("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    async def say(self, text: str, *, spoken: bool | None = None) -> None:
        """Take a turn in writing and ask for the answer: spoken or written, or as the session says."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.send("conversation.item.create", item=item)
        await self.respond(**({} if spoken is None else {"output_modalities": ["audio" if spoken else "text"]}))

    async def commit(self) -> None:
        """End a spoken turn by hand (with `turn_detection` off)."""
        await self.send("input_audio_buffer.commit")

    async def respond(self, **response: Any) -> None:
        """Ask for an answer now; fields of `response` hold for this one only."""
        await self.send("response.create", response=response)

    async def cancel(self) -> None:
        """Stop the answer that is under way."""
        await self.send("response.cancel")

    async def report_played(self, item_id: str, played_ms: int) -> None:
        """Tell how much of an answer has come out of the loudspeaker (with `empathy.playback_reports` on)."""
        await self.send("empathy.playback", item_id=item_id, played_ms=played_ms)

    async def truncate(self, item_id: str, played_ms: int) -> None:
        """Tell that an answer was stopped after so much of it."""
        await self.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=played_ms)

    # -- what one can hear -------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        """The next event; ends when the server closes the call as it should. Raises CallEnded."""
        try:
            text = await self._socket.recv()
        except websockets.exceptions.ConnectionClosedOK:
            raise StopAsyncIteration from None
        except websockets.exceptions.ConnectionClosed as error:
            raise _ended(error) from error
        event: Event = json.loads(text)
        if event["type"] in ("session.created", "session.updated"):
            self.session = event["session"]
        return event

    async def wait_for(self, *kinds: str, timeout_s: float = 20) -> Event:
        """The next event of these kinds; others are passed over.

        Raises:
            ServerError: an `error` event came instead.
            CallEnded, TimeoutError.
        """
        async with asyncio.timeout(timeout_s):
            async for event in self:
                if event["type"] in kinds:
                    return event
                if event["type"] == "error":
                    raise _failure(event)
        raise CallEnded(self._farewell())

    async def turn(self, *, timeout_s: float = 120) -> Turn:
        """Read on until an answer is complete, and put it together. An answer that is cut off by the user's going on
        does not count; the next one does.

        Raises:
            ServerError: an `error` event came, and no answer is under way.
            CallEnded, TimeoutError.
        """
        now = asyncio.get_running_loop().time
        collector = TurnCollector(now())
        async with asyncio.timeout(timeout_s):
            async for event in self:
                collector.take(event, now())
                if collector.complete:
                    return collector.turn()
                if event["type"] == "error" and not collector.busy:
                    raise _failure(event)
        raise CallEnded(self._farewell())

    def _farewell(self) -> str:
        return f"the server ended the call: {self._socket.close_reason or 'no reason was given'}"


@asynccontextmanager
async def connect(
    url: str | None = None, *, api_key: str | None = None, timeout_s: float = 20, resume: bool = False, **session: Any
) -> AsyncIterator[Call]:
    """Open a call; `session` are fields of a first `session.update`, e.g. `empathy={"events": True}`.

    With `resume` the call outlives its line: where that breaks, another is sought for a minute, and the call goes on as
    if nothing had happened; what is sent meanwhile waits. Somebody must be reading.

    Address and key come from $AFFETTO_URL and $AFFETTO_KEY where they are not given.

    Raises:
        CannotConnect: nobody listens there, or the key is wrong.
        ServerError: the server does not take these session fields.
    """
    key = api_key or os.environ.get(KEY_VARIABLE)
    address = endpoint(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
    socket: ClientConnection | LastingSocket = await _open(address, key, timeout_s)
    if resume:
        assert isinstance(socket, ClientConnection)
        socket = LastingSocket(socket, lambda headers: _open_line(address, key, timeout_s, headers))
        session["empathy"] = {**session.get("empathy", {}), "resume": True}
    try:
        call = Call(socket)
        await call.wait_for("session.created", timeout_s=timeout_s)
        if session:
            await call.update(session)
            await call.wait_for("session.updated", timeout_s=timeout_s)
        yield call
    finally:
        await socket.close()


async def _open_line(url: str, key: str | None, timeout_s: float, headers: Mapping[str, str]) -> ClientConnection:
    return await open_socket(
        url,
        additional_headers={**headers, **({"Authorization": f"Bearer {key}"} if key else {})},
        max_size=MESSAGE_BYTES,
        compression=None,
        proxy=None,
        open_timeout=timeout_s,
        close_timeout=CLOSE_S,
    )


async def _open(url: str, key: str | None, timeout_s: float) -> ClientConnection:
    try:
        return await _open_line(url, key, timeout_s, {})
    except websockets.exceptions.InvalidURI as error:
        raise CannotConnect(f"{url!r} is no address of a server: write e.g. {DEFAULT_URL}") from error
    except websockets.exceptions.InvalidStatus as error:
        raise Refused(_refusal(url, error), error.response.status_code) from error
    except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CannotConnect(
            f"no server answers at {url} ({why}): start one with `affetto serve`, or give --url"
        ) from error


def _refusal(url: str, error: websockets.exceptions.InvalidStatus) -> str:
    status = error.response.status_code
    if status == 401:
        return f"{url} asks for a key, and this is not one of its keys: give it with --key or ${KEY_VARIABLE}"
    try:
        message = json.loads(error.response.body or b"")["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "no reason was given; is it an Affetto server?"
    return f"{url} refused the call with status {status}: {message}"


def _ended(error: websockets.exceptions.ConnectionClosed) -> CallEnded:
    reason = error.rcvd.reason if error.rcvd else ""
    return CallEnded(f"the call has ended: {reason or 'the connection broke'}")


def _failure(event: Event) -> ServerError:
    return ServerError(event["error"]["message"], event["error"].get("code"))

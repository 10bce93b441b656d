"""The WebSocket at /v1/realtime: decode, hand on, encode. Decides nothing about the conversation."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..pipelines.duplex import outputs as out
from ..pipelines.duplex.backends import Backends
from ..pipelines.duplex.commands import Configure
from ..pipelines.duplex.observe import Observer
from ..pipelines.duplex.policy import DuplexPolicy
from ..pipelines.duplex.session import Session
from .audio import AudioInput, AudioOutput
from .auth import Denied, Door
from .settings import Settings
from .wire_client import Append, Update, decode
from .wire_errors import ProtocolError
from .wire_server import Encoder
from .wire_session import WireSession

SEND_DEADLINE_S = 20.0
"""A client that takes nothing for this long is gone."""
GOING_AWAY, OVERLOAD, TOO_SLOW = 1001, 1013, 1008


class Realtime:
    """Serves connections; one instance a server."""

    def __init__(
        self, settings: Settings, backends: Backends, policy: DuplexPolicy, door: Door, observer: Observer
    ) -> None:
        self._settings = settings
        self._backends = backends
        self._policy = policy
        self._door = door
        self._observer = observer
        self._live: set[Connection] = set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its request to its close."""
        protocols = [p.strip() for p in socket.headers.get("sec-websocket-protocol", "").split(",") if p.strip()]
        try:
            self._door.check_origin(socket.headers.get("origin"), socket.headers.get("host"))
            who = self._door.admit(self._door.key_of(socket.headers, protocols), secrets_too=True)
            address = socket.client.host if socket.client else "unknown"
            with self._door.session(who, address):
                await socket.accept(subprotocol="realtime" if "realtime" in protocols else None)
                connection = Connection(socket, self._settings, self._backends, self._policy, self._observer)
                self._live.add(connection)
                try:
                    await connection.run()
                finally:
                    self._live.discard(connection)
        except Denied as denied:
            await socket.send_denial_response(denial(denied))

    async def drain(self) -> None:
        """The server stops: tell every client, and wait until their sessions have ended."""
        for connection in self._live:
            connection.stop(GOING_AWAY, "the server is stopping")
        if self._live:
            await asyncio.wait([connection.ended for connection in self._live])


def denial(denied: Denied) -> JSONResponse:
    """The HTTP answer to somebody who is not let in."""
    error = {"message": denied.message, "type": "invalid_request_error", "code": denied.code, "param": None}
    headers = {"Retry-After": "5"} if denied.status == 429 else None
    return JSONResponse({"error": error}, denied.status, headers)


class Connection:
    """A socket and its session."""

    def __init__(
        self, socket: WebSocket, settings: Settings, backends: Backends, policy: DuplexPolicy, observer: Observer
    ) -> None:
        self._socket = socket
        self._settings = settings
        session_id = secrets.token_hex(8)
        self._wire = WireSession(
            f"sess_{session_id}",
            socket.query_params.get("model", "affetto")[:100],
            voice=settings.voice.name,
            instructions=settings.voice.instructions,
            text_chars=settings.server.text_chars,
        )
        self._session = Session(backends, self._wire.config(), session_id=session_id, policy=policy, observer=observer)
        beta = socket.headers.get("openai-beta", "") == "realtime=v1"
        self._input = AudioInput("audio/pcm")
        self._output = AudioOutput("audio/pcm")
        self._encoder = Encoder(session_id, self._encode_audio, beta=beta, voice=self._voice)
        self._items = 0
        self._sending = asyncio.Lock()
        self._close: tuple[int, str] = (1000, "")
        self._last_heard = time.monotonic()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Until the client leaves, the session ends, or a limit is reached; then nothing of it is left."""
        await self._send(self._encoder.session("session.created", self._wire.echo()))
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read())
                watch = tasks.create_task(self._watch())
                writer = tasks.create_task(self._write())
                await self._session.run()
                await writer
                reader.cancel()
                watch.cancel()
        except* (WebSocketDisconnect, ConnectionError):
            self._session.close()
        finally:
            self.ended.set_result(None)
        await self._bye()

    def stop(self, code: int, reason: str) -> None:
        """End the session; the socket closes with this code."""
        self._close = (code, reason)
        self._session.close()

    # -- in ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._session.close()
                return
            self._last_heard = time.monotonic()
            try:
                self._take(message)
            except ProtocolError as error:
                await self._send(self._encoder.error(error))
            await self._session.room()

    def _take(self, message: Any) -> None:
        text = message.get("text")
        if text is None:
            raise ProtocolError("invalid_message", "Events are JSON text frames; audio goes inside as base64.")
        event = decode(text, text_chars=self._settings.server.text_chars, new_id=self._new_item_id)
        match event:
            case Append():
                self._session.push(self._input.decode(event.audio))
            case Update():
                self._update(event)
            case _:
                self._session.command(event)

    def _update(self, update: Update) -> None:
        self._wire.merge(update.patch, update.event_id)
        audio = self._wire.model.audio
        if audio.input.format.type != self._input.name:
            self._input = AudioInput(audio.input.format.type)
        if audio.output.format.type != self._output.name:
            self._output = AudioOutput(audio.output.format.type)
        self._session.command(Configure(self._wire.config(), update.event_id))

    def _new_item_id(self) -> str:
        self._items += 1
        return f"item_c{self._items}_{secrets.token_hex(4)}"

    # -- out ---------------------------------------------------------------------------------------

    async def _write(self) -> None:
        async for output in self._session.outputs():
            if isinstance(output, out.Configured):
                await self._send(self._encoder.session("session.updated", self._wire.echo()))
                continue
            if isinstance(output, out.ResponseAudio):
                self._wire.voice_is_fixed = True
            if _is_extension(output) and not self._wire.model.empathy.events:
                continue
            await self._send(self._encoder.encode(output))
        if self._session.overflowed:
            self._close = (TOO_SLOW, "the client takes events too slowly")

    async def _send(self, events: list[dict[str, Any]]) -> None:
        async with self._sending:
            for event in events:
                try:
                    async with asyncio.timeout(SEND_DEADLINE_S):
                        await self._socket.send_text(json.dumps(event, ensure_ascii=False))
                except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
                    self.stop(TOO_SLOW, "the client takes events too slowly")
                    return

    async def _watch(self) -> None:
        """End sessions that are silent or live too long."""
        limits, began = self._settings.server, time.monotonic()
        while True:
            await asyncio.sleep(min(5.0, limits.idle_s / 4, limits.session_s / 4))
            now = time.monotonic()
            if now - self._last_heard > limits.idle_s:
                self.stop(1000, "nothing was heard for too long")
            elif now - began > limits.session_s:
                self.stop(1000, "the session reached its longest time")

    async def _bye(self) -> None:
        code, reason = self._close
        try:
            await self._socket.close(code, reason)
        except (RuntimeError, OSError, WebSocketDisconnect):
            return  # it was the client who left

    def _encode_audio(self, samples: Any, rate_hz: int) -> bytes:
        return self._output.encode(samples, rate_hz)

    def _voice(self) -> str:
        return self._wire.model.audio.output.voice


def _is_extension(output: out.Output) -> bool:
    if isinstance(output, out.Failure):
        return output.code != "input_audio_overflow"
    return isinstance(output, out.Notice | out.Backchannel)

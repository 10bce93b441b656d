"""One WebSocket and its session: decode, hand on, encode. Decides nothing about the conversation."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..pipelines.duplex import outputs as out
from ..pipelines.duplex.commands import ClearAudio, CommitAudio, Configure
from ..pipelines.duplex.session import Session
from . import wire_beta
from .auth import Guest
from .protocol import Append, AudioInput, Encoder, Event, ProtocolError, Update, WireSession, decode
from .state import ServerState
from .wire_json import cleaned

log = logging.getLogger(__name__)

SEND_DEADLINE_S = 20.0
"""A client that takes nothing for this long is gone."""
CLOSE_DEADLINE_S = 2.0
OVERFLOW_EVERY_S = 1.0
"""Dropped microphone audio is reported at most this often."""
MODEL_CHARS = 128
NORMAL, GOING_AWAY, TOO_SLOW, OUR_FAULT = 1000, 1001, 1008, 1011


class Connection:
    """Built once the socket is accepted; `run` lives until both sides are done."""

    def __init__(self, socket: WebSocket, state: ServerState, guest: Guest) -> None:
        self._socket = socket
        self._state = state
        self._limits = state.settings.server
        self.id = secrets.token_hex(8)
        self._wire = new_wire_session(state, f"sess_{self.id}", socket.query_params.get("model") or "", guest)
        self._session = Session(
            state.backends,
            self._wire.config(),
            session_id=self.id,
            policy=state.policy,
            observer=state.telemetry.observe,
            memory=state.memory.session(guest.name or "", self.id) if state.memory else None,
        )
        self._input = AudioInput(self._wire.model.audio.input.format.type)
        beta = socket.headers.get(wire_beta.HEADER, "") == wire_beta.VALUE
        self._encoder = Encoder(self._wire, beta=beta)
        self._sending = asyncio.Lock()
        self._close: tuple[int, str] = (NORMAL, "")
        self._last_heard = time.monotonic()
        self._overflow_told = float("-inf")
        self._leaving = False
        self._deaf = False

    async def run(self) -> None:
        """Until the client leaves, the session ends, or a limit is reached; then nothing of it is left."""
        log.info("session %s begins", self.id)
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._send(self._encoder.created())
                reader = tasks.create_task(self._read())
                watch = tasks.create_task(self._watch())
                writer = tasks.create_task(self._write())
                await self._session.run()
                await writer
                reader.cancel()
                watch.cancel()
        except Exception:
            self._close = (OUR_FAULT, "internal error")
            raise
        finally:
            await self._bye()
            log.info("session %s ends: %d %s", self.id, *self._close)

    def stop(self, code: int, reason: str) -> None:
        """End the session; the socket closes with this code."""
        if self._close == (NORMAL, ""):
            self._close = (code, reason)
        self._session.close()

    def leave(self, reason: str) -> None:
        """End the session as soon as nothing is being said (the server stops)."""
        self._leaving = True
        if not self._encoder.responding:
            self.stop(GOING_AWAY, reason)

    # -- in ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self.stop(message.get("code") or NORMAL, "the client left")
                return
            self._last_heard = time.monotonic()
            try:
                self._take(message.get("text"))
            except ProtocolError as error:
                self._state.telemetry.refused_event(error.code)
                await self._send(self._encoder.error(error))
            await self._session.room()

    def _take(self, text: str | None) -> None:
        if text is None:
            raise ProtocolError("invalid_message", "Events are JSON in text frames; audio goes inside them as base64.")
        event = decode(text, text_chars=self._limits.text_chars, new_id=_new_item_id)
        match event:
            case Append():
                self._session.push(self._input.decode(event.audio))
            case Update():
                self._update(event)
            case _:
                self._before(event)
                self._session.command(event)

    def _before(self, command: object) -> None:
        """What the resampler holds belongs to what is committed, and goes with what is cleared."""
        if isinstance(command, CommitAudio):
            self._session.push(self._input.flush())
        elif isinstance(command, ClearAudio):
            self._input.reset()

    def _update(self, update: Update) -> None:
        self._wire.merge(update.patch, update.event_id)
        name = self._wire.model.audio.input.format.type
        if name != self._input.name:
            self._input = AudioInput(name)
        self._session.command(Configure(self._wire.config(), update.event_id))

    # -- out ---------------------------------------------------------------------------------------

    async def _write(self) -> None:
        async for output in self._session.outputs():
            if isinstance(output, out.Failure) and not self._tells(output):
                continue
            if isinstance(output, out.Rejected):
                self._state.telemetry.refused_event(output.code)
            await self._send(self._encoder.encode(output))
            if self._deaf:
                return
            if self._leaving and not self._encoder.responding:
                self.stop(GOING_AWAY, "the server is stopping")
        if self._session.overflowed:
            self._close = TOO_SLOW, "the client takes events too slowly"

    def _tells(self, failure: out.Failure) -> bool:
        """Whether a failure is news: overflow comes with every packet while it lasts."""
        if failure.code != "input_audio_overflow":
            return True
        now = time.monotonic()
        if now - self._overflow_told < OVERFLOW_EVERY_S:
            return False
        self._overflow_told = now
        return True

    async def _send(self, events: list[Event]) -> None:
        """Send in one piece, unless the client does not take it; then the session ends, and nothing more is sent."""
        if self._deaf:
            return
        try:
            async with asyncio.timeout(SEND_DEADLINE_S), self._sending:
                for event in events:
                    await self._socket.send_text(json.dumps(event))
        except TimeoutError:
            self._deaf = True
            self.stop(TOO_SLOW, "the client takes events too slowly")
        except (WebSocketDisconnect, RuntimeError):  # starlette: it has left, or we have closed
            self._deaf = True
            self._session.close()

    async def _watch(self) -> None:
        """End sessions that are silent or live too long."""
        limits, began = self._limits, time.monotonic()
        while True:
            await asyncio.sleep(min(5.0, limits.idle_s / 4, limits.session_s / 4))
            now = time.monotonic()
            if now - began > limits.session_s:
                message = f"The session has lasted {limits.session_s / 60:g} minutes, the longest time there is."
                await self._send(self._encoder.error(ProtocolError("session_expired", message)))
                self.stop(GOING_AWAY, "the session has reached its longest time")
            elif now - self._last_heard > limits.idle_s:
                self.stop(GOING_AWAY, "nothing was heard for too long")

    async def _bye(self) -> None:
        code, reason = self._close
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._socket.close(code if code in (GOING_AWAY, TOO_SLOW, OUR_FAULT) else NORMAL, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return  # it was the client who left, or who takes nothing: transport.py cuts the line


def new_wire_session(state: ServerState, session_id: str, model: str, guest: Guest) -> WireSession:
    """The session object that a connection begins with. Raises ProtocolError for what a client secret asks for."""
    settings = state.settings
    wire = WireSession(
        session_id,
        cleaned(model)[:MODEL_CHARS] or "affetto",
        voice=settings.voice.name,
        instructions=settings.voice.instructions,
        text_chars=settings.server.text_chars,
        expires_at=int(time.time() + settings.server.session_s),
    )
    wire.merge(dict(guest.session))
    wire.user_is_fixed = guest.by_secret
    return wire


def _new_item_id() -> str:
    return f"item_{secrets.token_hex(10)}"

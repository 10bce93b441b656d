"""Three promises that uvicorn does not make: a request's head arrives in time, a client that is cut off learns why, and
a finished socket goes away.

Half-sent headers stay open for ever in uvicorn (Kludex/uvicorn#157). It closes a connection that broke the protocol at
once; where the client is still writing, the kernel answers that with a reset, which overtakes the closing frame. And a
closed connection whose peer reads nothing keeps its descriptor while the peer likes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_DEADLINE_S = 8.0
"""From the first byte that could begin a request (or the connection's beginning) to its blank line."""
LINGER_S = 5.0
"""From the end of a WebSocket to cutting the line."""


class HttpProtocol(H11Protocol):
    """HTTP/1.1 with a deadline for each request's head."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or self.transport.get_protocol() is not self:
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def on_response_complete(self) -> None:
        """Kept alive: uvicorn's own timer runs until the next request's first byte."""
        self._disarm()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEAD_DEADLINE_S, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket that says why it ends, and whose connection does not outlive its application."""

    _broken = False

    def data_received(self, data: bytes) -> None:
        if not self._broken:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Send the closing frame, and read on (into nothing) until the client has taken it."""
        closing = self.conn.close_sent
        assert closing is not None
        self._broken = self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._linger()

    def connection_lost(self, exc: Exception | None) -> None:
        """A line that broke is 1006 (RFC 6455, 7.1.5); uvicorn takes it for 1005, a close without a code."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._linger()
        elif message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # else uvicorn logs each refusal as a bug of ours

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._linger()

    def _linger(self) -> None:
        self.loop.call_later(LINGER_S, self.transport.abort)

"""What uvicorn does not promise: a request's head arrives in time, an answer is taken in time, a client that is cut off
learns why, a finished socket goes away, and frames come no faster than they are worth.

Half-sent headers stay open for ever in uvicorn (Kludex/uvicorn#157), and so does an answer that nobody reads. It closes
a connection that broke the protocol at once; where the client is still writing, the kernel answers that with a reset,
which overtakes the closing frame. A closed connection whose peer reads nothing keeps its descriptor while the peer
likes. And it answers each ping at once, for ever, into a buffer without end where the peer does not read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from .limits import Crowd

HEAD_DEADLINE_S = 8.0
"""From the first byte that could begin a request (or the connection's beginning) to its blank line."""
DIRECT = "affetto.direct"
"""Name of our ASGI extension: {"take": WebSocketProtocol._give_directly, "closing": whether the line has ended}."""
Taker = Callable[[str | None], bool]
LINGER_S = 5.0
"""From the end of a WebSocket to cutting the line."""
TAKE_DEADLINE_S = 30.0
"""An HTTP client that takes nothing of an answer for this long is cut off."""
PIECE_BYTES = 4096
"""What comes over a WebSocket is parsed by pieces: 256 KiB may hold 40,000 pings, half a second of parsing."""
PIECES_A_TURN = 4
"""Pieces of one connection before others get their turn."""
MOST_FRAGMENTS = 256
FRAMES_PER_S = 2000
"""Pings, pongs and fragments of one connection; those beyond it are read later, so that nobody else waits."""


class HttpProtocol(H11Protocol):
    """HTTP/1.1 with a deadline for each request's head, and for taking an answer."""

    crowd: ClassVar[Crowd | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._turned_away = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._turned_away = self.crowd is not None and not self.crowd.enter(_peer(self.client))
        if self._turned_away:
            transport.abort()
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

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(TAKE_DEADLINE_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._taken()
        if self.crowd is not None and not self._turned_away:
            self.crowd.leave(_peer(self.client))
        super().connection_lost(exc)

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEAD_DEADLINE_S, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket that says why it ends, whose connection does not outlive its application, and that reads no faster
    than frames are worth."""

    crowd: ClassVar[Crowd | None] = None
    _broken = _full = False
    _taker: Taker | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = bytearray()
        self._waiting: deque[str | None] = deque()
        self._may_read = self._counted_at = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._pong = b""

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        plain = self.handshake_initiated and not self._unread and not self._full and self._may_read > 0
        if plain and len(data) <= PIECE_BYTES:
            super().data_received(data)
            return
        self._unread += data
        self._read()

    def handle_ping(self) -> None:
        """A client that does not read its pongs gets the newest (RFC 6455, 5.5.3)."""
        self._may_read -= 1
        if self.writable.is_set():
            super().handle_ping()
        else:
            self._pong = b"".join(self.conn.data_to_send())

    def handle_pong(self, event: Frame) -> None:
        self._may_read -= 1
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Fragments are put together now and then: apart, a message of single bytes takes forty times its size."""
        self._may_read -= 1
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self.frames[:] = [b"".join(self.frames)]

    def resume_writing(self) -> None:
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.close_sent:
            self.transport.write(pong)

    def _read(self) -> None:
        """Parse what has come, piece by piece, as long as it may be; then the client is not listened to for a while."""
        now = self.loop.time()
        earned = (now - self._counted_at) * FRAMES_PER_S
        self._may_read, self._counted_at = min(FRAMES_PER_S, self._may_read + earned), now
        turns = PIECES_A_TURN
        while self._unread and not self._broken and not self._full:
            if self._may_read <= 0 or not turns:
                self.transport.pause_reading()
                wait = 0.0 if self._may_read > 0 else PIECE_BYTES / 8 / FRAMES_PER_S
                if self._later is None:
                    self._later = self.loop.call_later(wait, self._read_later)
                return
            turns -= 1
            piece = bytes(self._unread[:PIECE_BYTES])
            del self._unread[:PIECE_BYTES]
            super().data_received(piece)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self._refuse()
            return
        if not self.read_paused and not self._full:
            self.transport.resume_reading()

    def _refuse(self) -> None:
        """The request is no handshake (a body, a thousand headers, POST); uvicorn would wait for ever."""
        self._broken = True
        self._unread.clear()
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.transport.close()
        self._linger()

    def _read_later(self) -> None:
        self._later = None
        self._read()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][DIRECT] = {"take": self._give_directly, "closing": self.transport.is_closing}

    def send_receive_event_to_app(self) -> None:
        """Straight to the session: fifty times a second, a queue, a task's turn and two changes of what the kernel
        watches cost more than the rest."""
        if self._taker is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        try:
            text = data.decode() if self.curr_msg_data_type == "text" else None
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        if self._full:
            self._waiting.append(text)
        else:
            self._give(text)

    def _give(self, text: str | None) -> None:
        """One message to the session; where it wants no more, what came in the same piece waits."""
        assert self._taker is not None
        if not self._taker(text):
            self._full = True
            self.transport.pause_reading()

    def _give_directly(self, taker: Taker) -> Callable[[], None]:
        """Messages that come from now on go to `taker` (`None` for binary ones), which says whether there is room for
        more; gives what to call once there is. The end of the line is received as ever."""
        self._taker = taker
        waiting = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for message in waiting:
            if message["type"] == "websocket.receive":
                taker(message.get("text"))
            else:
                self.queue.put_nowait(message)
        self._read_on()
        return self._read_on

    def _read_on(self) -> None:
        self._full = self.read_paused = False
        while self._waiting and not self._full:
            self._give(self._waiting.popleft())
        if not self._full and not self.transport.is_closing():
            self._read()

    def handle_parser_exception(self) -> None:
        """Send the closing frame, and read on (into nothing) until the client has taken it."""
        closing = self.conn.close_sent
        assert closing is not None
        self._broken = self.close_sent = True
        self._unread.clear()
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
        self._unread.clear()
        if self._later is not None:
            self._later.cancel()
        if self.crowd is not None:
            self.crowd.leave(_peer(self.client))
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._linger()
        elif message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # else uvicorn logs each refusal as a bug of ours

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._taker = None  # what a connection is made of knows itself; what it served need not wait for the collector
        self._linger()

    def _linger(self) -> None:
        self.loop.call_later(LINGER_S, self.transport.abort)


def protocols(crowd: Crowd) -> tuple[type[HttpProtocol], type[WebSocketProtocol]]:
    """Both, for a server that counts connections in this crowd. A WebSocket entered as HTTP."""

    class Http(HttpProtocol):
        pass

    class Ws(WebSocketProtocol):
        pass

    Http.crowd = Ws.crowd = crowd
    return Http, Ws


def _peer(client: tuple[str, int] | None) -> str | None:
    return None if client is None else client[0]

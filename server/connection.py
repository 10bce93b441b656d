"""One WebSocket of a session: what comes goes in, what is said goes out, and how it closes."""

from __future__ import annotations

import asyncio
import json

from starlette.websockets import WebSocket, WebSocketDisconnect

from .farewell import ELSEWHERE, GOING_AWAY, NORMAL, OUR_FAULT, RESTARTING, TOO_SLOW, Farewell
from .limits import Allowance
from .live_session import LiveSession
from .protocol import Event
from .resumption import Return
from .transport import DIRECT

SEND_DEADLINE_S = 20.0
"""A client that takes nothing for this long is gone."""
CLOSE_DEADLINE_S = 2.0
BROKEN = 1006
"""The line ended without a closing frame (RFC 6455, 7.1.5)."""
MAY_COME_BACK = frozenset({BROKEN, GOING_AWAY})
"""Browsers say 1001 for a page that is left, and a page that is loaded again is left, too (RFC 6455, 7.4.1)."""
SLOW: Farewell = (TOO_SLOW, "the client takes events too slowly")


class Connection:
    """Reads until the client is gone, writes until the session ends."""

    def __init__(self, socket: WebSocket, live: LiveSession, pace: Allowance) -> None:
        self._socket = socket
        self._pace = pace
        self._live = live
        self._greeting: Event | None = None
        self._close: Farewell | None = None
        self._ways: list[asyncio.Task[None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._full = asyncio.Event()
        self._bug: Exception | None = None
        self._wait_s = 0.0

    def open(self) -> None:
        """Be its session's first socket."""
        self._live.open(self)

    async def resume(self, shown: Return, owner: str | None) -> None:
        """Go on with a session that has lost its socket. Raises Denied."""
        self._greeting = await self._live.resume(self, shown, owner)

    def supersede(self) -> None:
        """At once: from now on nothing is taken, nor any event taken away."""
        self._close = (NORMAL, ELSEWHERE)
        for way in self._ways:
            way.cancel()

    async def run(self, subprotocol: str | None) -> None:
        """Until the line or the session ends, whichever is first; then the socket is closed."""
        try:
            await self._accept(subprotocol)
            if self._live.has(self):
                async with asyncio.TaskGroup() as tasks:
                    self._writing = tasks.create_task(self._write())
                    self._ways = [self._writing, *map(tasks.create_task, (self._read(), self._mind_room()))]
                    await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
                    for way in self._ways:
                        way.cancel()
        except WebSocketDisconnect:
            self._live.release(self, lost=True, farewell=(NORMAL, "the client left"))
        except Exception:
            self._live.stop(OUR_FAULT, "internal error")
            raise
        finally:
            await self._bye()
            self._ways, self._writing = [], None  # cancelled tasks hold their frames, and those us

    async def _accept(self, subprotocol: str | None) -> None:
        """Raises WebSocketDisconnect where the client has left meanwhile."""
        try:
            await self._socket.accept(subprotocol)
        except OSError:  # uvicorn's, which starlette translates only later
            raise WebSocketDisconnect(BROKEN) from None

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                assert self._writing is not None
                self._writing.cancel()  # at once: what it took from now on would be missing on the next line
                code = message.get("code") or NORMAL
                self._live.release(self, lost=code in MAY_COME_BACK, farewell=(code, "the client left"))
                return
            self._take(message.get("text"))
            await self._rest()

    def _take(self, text: str | None) -> bool:
        """A message, straight from the line; says whether there is room for more."""
        if not self._live.has(self):
            return True
        try:
            self._live.take(text)
        except Exception as bug:  # noqa: BLE001 - raised where this connection's other bugs are
            self._bug = bug
        self._wait_s = self._pace.take()
        if self._bug is None and not self._wait_s and self._live.has_room:
            return True
        self._full.set()
        return False

    async def _mind_room(self) -> None:
        """Take messages straight from the line, and have it read on once there is room again."""
        direct = self._socket.scope.get("extensions", {}).get(DIRECT)
        read_on = direct["take"](self._take) if direct is not None else lambda: None
        while True:
            await self._full.wait()
            self._full.clear()
            if self._bug is not None:
                raise self._bug
            await self._rest()
            read_on()

    async def _rest(self) -> None:
        """Until the next message may be taken."""
        await asyncio.sleep(self._wait_s)  # also for none: what waits is read without a pause for others else
        await self._live.room()

    async def _write(self) -> None:
        try:
            if self._greeting is not None:
                await self._send(json.dumps(self._greeting))
            while (said := await self._live.outbox.next()) is not None:
                await self._send(said.text)
        except TimeoutError:
            self._close = SLOW
            self._live.release(self, lost=True, farewell=SLOW)
        except (WebSocketDisconnect, RuntimeError):  # starlette: it has left, or we have closed
            if self._live.has(self):
                self._live.outbox.serve(False)
            await asyncio.Event().wait()  # the reader hears how it left

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(SEND_DEADLINE_S):
            await self._socket.send_text(text)

    async def _bye(self) -> None:
        code, reason = self._close or self._live.farewell
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._socket.close(
                    code if code in (GOING_AWAY, TOO_SLOW, OUR_FAULT, RESTARTING) else NORMAL, reason
                )
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return  # it was the client who left, or who takes nothing: transport.py cuts the line

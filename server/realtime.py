"""The door of /v1/realtime: who may open a session, under which subprotocol, and how all of them end."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from .auth import Denied, key_of
from .connection import Connection
from .protocol import SUBPROTOCOL
from .state import ServerState

RETRY_AFTER_S = 5


class Realtime:
    """Serves connections; one instance a server."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._live: set[Connection] = set()
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its request to its close; refused before the upgrade, by an HTTP answer."""
        try:
            await self._serve(socket)
        except Denied as denied:
            self._state.telemetry.refused_client(denied.code)
            await socket.send_denial_response(denial(denied))

    async def drain(self, grace_s: float) -> None:
        """The server stops: nobody comes in any more; what is being said may end within the grace time."""
        self._draining = True
        for connection in list(self._live):
            connection.leave("the server is stopping")
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            for connection in list(self._live):
                connection.stop(1001, "the server is stopping")

    async def _serve(self, socket: WebSocket) -> None:
        if self._draining:
            raise Denied(503, "server_stopping", "The server is stopping; try again soon.")
        door, headers = self._state.door, socket.headers
        protocols = [offer.strip() for offer in headers.get("sec-websocket-protocol", "").split(",")]
        guest = door.admit(key_of(headers, protocols), secrets_too=True)
        door.check_origin(headers.get("origin"), headers.get("host"))
        with door.session(guest, socket.client.host if socket.client else "unknown"):
            await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in protocols else None)
            await self._live_out(Connection(socket, self._state, guest))

    async def _live_out(self, connection: Connection) -> None:
        self._live.add(connection)
        self._empty.clear()
        try:
            await connection.run()
        finally:
            self._live.discard(connection)
            if not self._live:
                self._empty.set()


def denial(denied: Denied) -> JSONResponse:
    """The HTTP answer to somebody who is not let in, as an OpenAI error."""
    error = {"message": denied.message, "type": "invalid_request_error", "code": denied.code, "param": None}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if denied.status in (429, 503) else None
    return JSONResponse({"error": error}, denied.status, headers)

"""The door of /v1/realtime: who may open a session, under which subprotocol, and how all of them end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from weakref import WeakValueDictionary

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from . import wire_beta
from .auth import SECRET_PREFIX, Denied, Guest, key_of
from .connection import Connection
from .farewell import ELSEWHERE, STOPPING
from .handover_store import HandoverGone
from .limits import Allowance
from .live_session import LiveSession
from .protocol import SUBPROTOCOL
from .refusals import last_of, not_resumable
from .rest import address_of
from .resumption import Return, return_of
from .state import ServerState
from .transport import DIRECT

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
UNKNOWN = 401
TRY_AGAIN = 1013
"""The closing code for it (IANA's registry of WebSocket closing codes)."""
REASON_CHARS = 120
BURST_S = 4.0
"""So many seconds' worth of events may come at once."""
WRITING_S = 2.0


class Realtime:
    """Serves connections; one instance a server."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._live: dict[str, LiveSession] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Who comes back to one session comes one after another."""
        self._draining = False
        self._served = 0
        self._empty = asyncio.Event()
        """Nobody is there, nor on the way in or out."""
        self._empty.set()

    @property
    def busy(self) -> bool:
        """Whether anybody is connected."""
        return bool(self._live)

    @property
    def talking(self) -> int:
        """Sessions that go on: those that are on their way out take nothing from others."""
        return sum(not live.stopped for live in self._live.values())

    @property
    def backlog_s(self) -> float:
        """Seconds of microphone audio that wait to be heard, in the session where most do."""
        return max((live.session.backlog_s for live in self._live.values()), default=0.0)

    @property
    def outbox_bytes(self) -> int:
        """Bytes of events that wait for a client, in the session where most do."""
        return max((live.outbox.waiting_bytes for live in self._live.values()), default=0)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its request to its close; refused before the upgrade, by an HTTP answer."""
        self._served += 1
        self._empty.clear()
        try:
            await self._serve(socket)
        except Denied as denied:
            self._state.telemetry.refused_client(denied.code)
            await self._refuse(socket, denied)
        finally:
            self._served -= 1
            if not self._served:
                self._empty.set()

    async def drain(self, grace_s: float) -> None:
        """The server stops: nobody comes in any more; what is being said may end within the grace time."""
        self._draining = True
        for live in list(self._live.values()):
            live.leave(STOPPING)
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            for live in list(self._live.values()):
                live.leave_now(STOPPING)
            await self._ended()

    async def _ended(self) -> None:
        """Wait until what was stopped is written down."""
        try:
            async with asyncio.timeout(WRITING_S):
                await self._empty.wait()
        except TimeoutError:
            return  # a database that is gone, or a client that does not take its closing: uvicorn cuts them off

    async def _serve(self, socket: WebSocket) -> None:
        if self._draining:
            raise _stopping()
        door, headers = self._state.door, socket.headers
        protocols = [offer.strip() for offer in headers.get("sec-websocket-protocol", "").split(",")]
        guest = await self._welcome(key_of(headers, protocols), address_of(socket))
        door.check_origin(headers.get("origin"), headers.get("host"))
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in protocols else None
        shown = return_of(headers, protocols)
        if shown is not None:
            await self._go_on(socket, guest, shown, subprotocol)
        else:
            await self._begin(socket, guest, subprotocol)

    async def _welcome(self, key: str | None, address: str) -> Guest:
        """Whose key this is; a client secret may be another gateway's. Raises Denied."""
        door, handover = self._state.door, self._state.handover
        try:
            return door.welcome(key, "talk", address, secrets_too=True)
        except Denied as denied:
            if handover is None or key is None or not key.startswith(SECRET_PREFIX) or denied.status != UNKNOWN:
                raise
            try:
                secret = await handover.secret(key)
            except HandoverGone as gone:
                raise Denied(503, "handover_unavailable", f"{gone}; try again soon.") from gone
            if secret is None:
                raise
            door.learn(key, secret)
        return door.welcome(key, "talk", address, secrets_too=True)

    async def _refuse(self, socket: WebSocket, denied: Denied) -> None:
        """Browsers show their pages nothing of an HTTP answer, so what may be tried again is told them by a code."""
        if denied.status == 503 and "origin" in socket.headers:
            protocols = [offer.strip() for offer in socket.headers.get("sec-websocket-protocol", "").split(",")]
            await socket.accept(SUBPROTOCOL if SUBPROTOCOL in protocols else None)
            await socket.close(TRY_AGAIN, f"{denied.code}: {denied.message}"[:REASON_CHARS])
        else:
            await socket.send_denial_response(denial(denied))

    async def _begin(self, socket: WebSocket, guest: Guest, subprotocol: str | None) -> None:
        """A new session: it lives here, also while it has lost its socket or goes on over another one."""
        if (problem := self._state.admission.problem()) is not None:
            raise Denied(503, "overloaded", f"{problem[0].upper()}{problem[1:]}; try again in a moment.")
        with self._state.door.session(guest, address_of(socket)):
            beta = socket.headers.get(wire_beta.HEADER, "") == wire_beta.VALUE
            live = LiveSession(self._state, guest, model=socket.query_params.get("model") or "", beta=beta)
            connection = Connection(socket, live, self._pace())
            connection.open()
            with self._kept(live):
                await self._live_out(live, connection, subprotocol)

    async def _live_out(self, live: LiveSession, connection: Connection, subprotocol: str | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live.run())
            await connection.run(subprotocol)

    async def _go_on(self, socket: WebSocket, guest: Guest, shown: Return, subprotocol: str | None) -> None:
        """A session that has lost its socket, over this one."""
        with ExitStack() as stay:
            async with self._turns.setdefault(shown.session_id, asyncio.Lock()):
                here = await self._here(shown)
                if _has_left(socket):  # it may be here again already, over a line that this one would take it from
                    raise Denied(503, "client_left", "The client has left.")
                live = here or await self._carry(guest, shown, address_of(socket), stay)
                connection = Connection(socket, live, self._pace())
                await connection.resume(shown, guest.name)
            if here is None:
                await self._live_out(live, connection, subprotocol)
            else:
                await connection.run(subprotocol)

    async def _here(self, shown: Return) -> LiveSession | None:
        """The session, if it lives here; `None`: another gateway has it. Raises Denied."""
        live = self._live.get(shown.session_id)
        elsewhere = self._state.handover is not None and (live is None or await live.elsewhere())
        if elsewhere:
            return None
        if live is None:
            raise not_resumable()
        if elsewhere is None and not live.opens_to(shown):  # another gateway may have given this token
            raise Denied(503, "handover_unavailable", "Whose session this is cannot be known now; try again soon.")
        return live

    def _pace(self) -> Allowance:
        per_s = self._state.settings.server.events_per_s
        return Allowance(per_s, per_s * BURST_S)

    async def _carry(self, guest: Guest, shown: Return, address: str, stay: ExitStack) -> LiveSession:
        """A session that another gateway left, or lost: it lives here from now on. Raises Denied."""
        assert self._state.handover is not None
        last = last_of(shown)
        stay.enter_context(self._state.door.session(guest, address))
        try:
            taken = await self._state.handover.take(shown, guest.name or "")
        except HandoverGone as gone:
            raise Denied(503, "handover_unavailable", f"{gone}; try again soon.") from gone
        if taken is None:
            raise not_resumable()
        if self._draining:
            raise _stopping()
        stale = self._live.get(shown.session_id)
        if stale is not None:
            stale.stop(1000, ELSEWHERE)
        try:
            live = LiveSession.carried(self._state, guest, *taken, last)
        except ValueError:
            log.warning("session %s cannot be carried on here: what was written of it cannot be read", shown.session_id)
            raise not_resumable() from None
        stay.enter_context(self._kept(live))
        self._state.telemetry.resumption("carried")
        return live

    @contextmanager
    def _kept(self, live: LiveSession) -> Iterator[None]:
        self._live[live.id] = live
        try:
            yield
        finally:
            if self._live.get(live.id) is live:
                del self._live[live.id]
            live.let_go()


def _stopping() -> Denied:
    return Denied(503, "server_stopping", "The server is stopping; try again soon.")


def _has_left(socket: WebSocket) -> bool:
    direct = socket.scope.get("extensions", {}).get(DIRECT)
    return direct is not None and direct["closing"]()


def denial(denied: Denied) -> JSONResponse:
    """The HTTP answer to somebody who is not let in, as an OpenAI error."""
    error = {"message": denied.message, "type": "invalid_request_error", "code": denied.code, "param": None}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if denied.status in (429, 503) else None
    return JSONResponse({"error": error}, denied.status, headers)

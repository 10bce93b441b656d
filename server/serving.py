"""Runs the application: its address, its limits on the line, and how it stops."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from ..models.store import Store
from .app import create_app
from .limits import Crowd
from .settings import Settings
from .transport import protocols

T = TypeVar("T")
MESSAGE_BYTES = 2 * 2**20
"""Largest WebSocket message. OpenAI allows 15 MiB; no client that we know sends more than seconds of audio in one."""
PING_S = 20.0
AFTER_GRACE_S = 5
COLLECT = (700, 10, 50)
"""Python's own numbers but for the last: sessions free themselves, so that a full collection, which stops all of them
for tens of milliseconds, finds little, and is needed every few minutes."""


class PortInUse(Exception):
    """The address cannot be listened on; the message says what to do."""


class Server(uvicorn.Server):
    """Lets what is being said end before it stops."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, grace_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._grace_s = grace_s
        self._life = AsyncExitStack()
        self.up = asyncio.Event()
        """Set once it takes connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the models itself: uvicorn would log their errors and exit, here they are raised."""
        await self._life.enter_async_context(self._app.router.lifespan_context(self._app))
        for each in sockets or []:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the next server need not wait for old lines
        await super().startup(sockets)
        # What is there now stays: left out of collections, which would stop all sessions for tens of milliseconds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        realtime = getattr(self._app.state, "realtime", None)
        if realtime is not None and not self.force_exit:
            await realtime.drain(self._grace_s)
        await super().shutdown(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with self._life:
            await super().serve(sockets)


def serve(settings: Settings, store: Store | None = None) -> None:
    """Run until interrupted.

    Raises:
        PortInUse: somebody else listens there.
        BadBackend, Unavailable: the models cannot be started.
    """
    listening = listen(settings.server.host, settings.server.port)
    server(settings, store).run(sockets=[listening])


def server(settings: Settings, store: Store | None = None) -> Server:
    """A server with the limits that a public WebSocket needs; give `run` or `serve` the socket of `listen`."""
    app = create_app(settings, store)
    crowd = Crowd(settings.server.connections_per_address, settings.server.trusted_proxies)
    http, ws = protocols(crowd)
    config = uvicorn.Config(
        app,
        http=http,
        ws=ws,
        lifespan="off",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        timeout_graceful_shutdown=AFTER_GRACE_S,
        forwarded_allow_ips=settings.server.trusted_proxies,
        server_header=False,
        log_level="warning",
        access_log=False,
    )
    return Server(config, app, settings.server.grace_s)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run in an event loop fit for many sockets: uvloop's, where the system has it."""
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        return runner.run(main)


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ModuleNotFoundError:  # Windows
        return None
    return uvloop.new_event_loop


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket, which takes no calls yet: until the models are there they are refused, so that a proxy tries
    another server. With `shared` others may be bound to its port as well. Raises PortInUse with what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"port {port} on {host} is in use: stop the other server, or choose another with --port or server.port"
            ) from None
        raise PortInUse(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # from now on nobody else may bind to it
    return listening

"""The application: models started, endpoints mounted, everything shared by its sessions."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from .. import __version__
from ..models.errors import BackendError
from ..models.store import Store
from . import assembly
from .auth import Denied, Door
from .realtime import Realtime
from .rest import ApiError, error_response, failures, router
from .settings import Settings
from .state import ServerState
from .telemetry import Telemetry

MESSAGE_BYTES = 2 * 2**20
"""Largest WebSocket message; OpenAI allows 15 MiB, no client we know sends more than a second of audio."""


class PortInUse(Exception):
    """The address cannot be listened on."""


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The server's application; models are started with it."""
    held = store or Store(settings.models_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        telemetry, door, policy = Telemetry(), Door(settings.server), assembly.policy(settings)
        async with assembly.backends(settings, held) as backends:
            app.state.server = ServerState(settings, backends, policy, door, telemetry)
            app.state.realtime = Realtime(settings, backends, policy, door, telemetry.observe)
            yield
            await app.state.realtime.drain()

    app = FastAPI(title="Affetto", version=__version__, lifespan=lifespan)
    app.include_router(router)
    _add_errors(app)
    _add_health(app)

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        await app.state.realtime.serve(socket)

    return app


def _add_errors(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        return failures(error)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"] if part != "body")
        return error_response(400, "invalid_value", f"{param}: {first['msg']}", param)

    for kind in (ApiError, Denied, BackendError):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(RequestValidationError, invalid)


def _add_health(app: FastAPI) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/ready")
    async def ready() -> JSONResponse:
        state: ServerState = app.state.server
        parts = {name: bool(getattr(getattr(state.backends, name), "ready", True)) for name in state.backends.__slots__}
        full = state.door.live >= state.settings.server.sessions
        fine = all(parts.values()) and not full
        return JSONResponse(
            {"ready": fine, "backends": parts, "sessions": state.door.live, "full": full}, 200 if fine else 503
        )

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(app.state.server.telemetry.render(), media_type="text/plain; version=0.0.4")


def serve(settings: Settings, store: Store | None = None) -> None:
    """Run until interrupted.

    Raises:
        PortInUse: somebody else listens there.
        BadBackend, Unavailable: the models cannot be started.
    """
    listening = listen(settings.server.host, settings.server.port)
    server(settings, store).run(sockets=[listening])


def server(settings: Settings, store: Store | None = None) -> uvicorn.Server:
    """A uvicorn server with the limits that a public WebSocket needs."""
    options: dict[str, Any] = {
        "ws": "websockets-sansio",
        "ws_max_size": MESSAGE_BYTES,
        "ws_per_message_deflate": False,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "timeout_graceful_shutdown": 15,
        "log_level": "warning",
        "access_log": False,
    }
    return uvicorn.Server(uvicorn.Config(create_app(settings, store), **options))


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises PortInUse with what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"port {port} on {host} is in use: stop the other server, or choose a port with --port"
            ) from None
        raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listening

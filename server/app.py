"""The application: models started, endpoints mounted, everything shared by its sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.websockets import WebSocket

from .. import __version__
from ..models.store import Store
from . import (
    assembly,
    event_logs,
    observing,
    pages,
    rest,
    rest_chat,
    rest_memory,
    rest_sessions,
    rest_speech,
    rest_status,
    rest_transcription,
    warming,
)
from .admission import GUESSES, Admission, usable_cores
from .auth import Door
from .health import Health
from .protocol import PATH
from .realtime import Realtime
from .rest import BodyLimit, Doorman
from .settings import Settings
from .state import ServerState
from .traces import Traces

DOCS = "What is heard, felt and answered: the Realtime protocol at /v1/realtime (WebSocket), and these beside it."


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The server's application. Its models start with it, which raises BadBackend or Unavailable where one cannot."""
    held = store or Store(settings.models_dir)
    # No /docs: FastAPI's loads scripts from elsewhere, into the origin of our page. /openapi.json is there.
    app = FastAPI(
        title="Affetto",
        version=__version__,
        description=DOCS,
        lifespan=lambda app: _running(app, settings, held),
        docs_url=None,
        redoc_url=None,
    )
    for part in (rest_chat, rest_speech, rest_transcription, rest_memory, rest_sessions, rest_status):
        app.include_router(part.router)
    if settings.server.page:
        app.include_router(pages.router(pages.assets()))
    rest.add_error_answers(app)
    app.add_middleware(BodyLimit, most_bytes=int(settings.server.upload_mib * 2**20))
    app.add_middleware(Doorman, metrics_open=settings.server.metrics_open)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.server.allowed_origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type"],
    )

    @app.websocket(PATH)
    async def realtime(socket: WebSocket) -> None:
        await app.state.realtime.serve(socket)

    return app


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings, store: Store) -> AsyncIterator[None]:
    """Its models, and what looks after them, from the first request to the last session."""
    watch = observing.made(settings.observe)
    async with (
        assembly.backends(settings, store, watch.observer) as backends,
        assembly.memory(settings, store, watch.observer) as memory,
        assembly.handover(settings) as handover,
    ):
        policy, door = assembly.policy(settings), Door(settings.server)
        health = Health(lambda: app.state.server.backends.named(), watch.telemetry.backend_ready)
        admission = Admission(
            settings.server,
            GUESSES.get(settings.profile, 0.0),
            lag_s=watch.lag.recent_s,
            queue=lambda: watch.busiest,
            live=lambda: app.state.realtime.talking,
            cores=usable_cores() / settings.server.workers,
        )
        traces = Traces(settings.server.trace_s)
        state = ServerState(settings, backends, policy, door, watch, health, admission, traces, memory, handover)
        app.state.server = state
        watch.watch_backends(backends.named())
        realtime = app.state.realtime = Realtime(state)
        watch.telemetry.watch_sessions(lambda: realtime.backlog_s, lambda: realtime.outbox_bytes)
        if memory is not None:
            watch.telemetry.watch_queue("memory", lambda: len(memory.backlog))
        days = settings.server.event_log_days
        logs_s = None if days is None else days * 86_400
        async with (
            watch.watching(health.watch(), admission.watch()),
            warming.warmed(settings, backends.synthesizer, lambda: realtime.busy),
            event_logs.retained(settings.server.event_logs, logs_s),
        ):
            yield
        await realtime.drain(0)

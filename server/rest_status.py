"""Health, readiness, metrics, and the client secrets with which browsers open sessions."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field

from .. import __version__
from .auth import Guest
from .opening import new_wire_session
from .protocol import ProtocolError
from .rest import ApiError, admitted, state_of
from .wire_schema import Shape

router = APIRouter()


class ExpiresAfter(Shape):
    anchor: Literal["created_at"] = "created_at"
    seconds: int = Field(600, ge=10, le=7200)


class SecretRequest(Shape):
    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, Any] = Field(default_factory=dict)


@router.get("/health", tags=["status"])
async def health() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok", "version": __version__}


@router.get("/ready", tags=["status"])
async def ready(request: Request) -> JSONResponse:
    """Whether a new session would be served: 200 or 503; which backends are out, since when, and why."""
    state = state_of(request)
    out = state.health.look()
    full, overloaded = state.door.full, state.admission.problem()
    fine = state.health.serves and not full and overloaded is None
    body = {
        "ready": fine,
        "backends": {name: name not in out for name in state.backends.named()},
        "out": {name: {"since": _told(outage.since), "why": outage.why} for name, outage in out.items()},
        "memory": None
        if state.memory is None
        else {"ready": state.memory.problem is None, "why": state.memory.problem},
        "sessions": state.door.live,
        "full": full,
        "overloaded": overloaded,
    }
    return JSONResponse(body, 200 if fine else 503)


@router.get("/metrics", tags=["status"])
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(state_of(request).telemetry.render(), headers={"content-type": CONTENT_TYPE_LATEST})


@router.post("/v1/realtime/client_secrets", tags=["realtime"])
async def client_secret(
    request: Request, guest: Annotated[Guest, Depends(admitted)], body: SecretRequest | None = None
) -> dict[str, Any]:
    """A key for a browser: opens sessions until it expires, begun as `session` says."""
    asked, state = body or SecretRequest(), state_of(request)
    try:
        model = asked.session.get("model")
        session_id, name = f"sess_{secrets.token_hex(8)}", model if isinstance(model, str) else ""
        session = new_wire_session(state, session_id, name, replace(guest, session=asked.session))
    except ProtocolError as error:
        raise ApiError(400, error.code, error.message, error.param) from None
    value, expires_at = state.door.issue_secret(guest, asked.expires_after.seconds, asked.session)
    if state.handover is not None:
        await state.handover.share(value, state.door.secret(value))
    return {"value": value, "expires_at": expires_at, "session": session.echo()}


def _told(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")

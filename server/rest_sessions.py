"""`/v1/sessions`: the traces of sessions that asked to be traced (`session.empathy.trace`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from .auth import Guest
from .rest import ApiError, admitted, state_of
from .traces import Trace

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
Owner = Annotated[Guest, Depends(admitted)]


@router.get("")
async def sessions(request: Request, guest: Owner) -> dict[str, Any]:
    """Traced sessions of this key, newest first; `ended_at` is null while one lasts."""
    traces = state_of(request).traces.of(guest.name or "")
    return {"object": "list", "data": [trace.record() for trace in traces]}


@router.get("/{session_id}/turns")
async def turns(request: Request, guest: Owner, session_id: str) -> dict[str, Any]:
    """Turn by turn: what was said and how, appraised and answered, what was heard of it, and when; never audio."""
    trace = _trace(request, guest, session_id)
    return {"object": "list", "session": trace.record(), "data": trace.turns()}


@router.delete("/{session_id}")
async def drop(request: Request, guest: Owner, session_id: str) -> dict[str, Any]:
    """Forget a session's trace."""
    trace = _trace(request, guest, session_id)
    state_of(request).traces.drop(guest.name or "", session_id)
    return {"id": f"sess_{trace.id}", "object": "session.deleted", "deleted": True}


def _trace(request: Request, guest: Guest, session_id: str) -> Trace:
    trace = state_of(request).traces.get(guest.name or "", session_id)
    if trace is None:
        why = "There is no trace of this session: it did not ask for one (session.empathy.trace), or it is dropped."
        raise ApiError(404, "session_not_found", why, "session_id")
    return trace

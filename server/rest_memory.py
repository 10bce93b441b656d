"""`/v1/memory`: what is remembered of a person - look at it, take it away, correct it, have it forgotten."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, field_validator

from ..pipelines.memory.database import MemoryGone
from ..pipelines.memory.kept import record
from ..pipelines.memory.service import MemoryService
from . import event_logs
from .auth import Guest
from .handover_store import HandoverGone
from .rest import ApiError, admitted, state_of
from .wire_items import Text
from .wire_schema import Shape

router = APIRouter(prefix="/v1/memory", tags=["memory"])
FACT_CHARS = 500

User = Annotated[
    str, Query(min_length=1, max_length=256, description="Your id for the person, as in session.empathy.user")
]
NOTHING: dict[str, Any] = {"consent": {"given": False, "at": None}, "facts": [], "moments": [], "episodes": []}


class Correction(Shape):
    text: Text = Field(min_length=1, max_length=FACT_CHARS)

    @field_validator("text")
    @classmethod
    def _words(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the fact needs words; delete it to have it forgotten")
        return " ".join(value.split())


def memory_of(request: Request) -> MemoryService:
    memory = state_of(request).memory
    if memory is None:
        raise ApiError(404, "memory_disabled", "This server keeps no memory (memory.enabled).")
    return memory


Memory = Annotated[MemoryService, Depends(memory_of)]
Owner = Annotated[Guest, Depends(admitted)]


@router.get("")
async def remembered(memory: Memory, guest: Owner, user: User) -> dict[str, Any]:
    """The facts that are remembered of a person, and when they consented."""
    whole = await _export(memory, guest, user)
    return {"object": "list", "data": whole["facts"], "consent": whole["consent"]}


@router.get("/export")
async def export(memory: Memory, guest: Owner, user: User) -> dict[str, Any]:
    """Everything kept of a person: facts, how they felt and when, how each conversation went."""
    return {"object": "memory.export", **await _export(memory, guest, user)}


@router.patch("/{fact_id}")
async def correct(memory: Memory, guest: Owner, fact_id: str, body: Correction) -> dict[str, Any]:
    """Replace a fact's words; what the person says later does not change them back."""
    vector = await memory.embedder.embed(body.text)
    try:
        if await memory.store.correct(_owner(guest), fact_id, body.text, vector):
            found = await memory.store.fact(_owner(guest), fact_id)
            if found is not None:
                return record(found[1])
    except MemoryGone as gone:
        raise _unavailable(gone) from gone
    raise _unknown()


@router.delete("/{fact_id}")
async def forget(memory: Memory, guest: Owner, fact_id: str) -> dict[str, Any]:
    """Forget one fact."""
    try:
        if not await memory.store.forget(_owner(guest), fact_id):
            raise _unknown()
    except MemoryGone as gone:
        raise _unavailable(gone) from gone
    return {"id": fact_id, "object": "memory.fact.deleted", "deleted": True}


@router.delete("")
async def forget_all(request: Request, memory: Memory, guest: Owner, user: User) -> dict[str, Any]:
    """Forget a person: all that is kept of them, their consent with it, what still waits to be kept, traces, and
    event logs of sessions that named them."""
    state = state_of(request)
    state.traces.forget(_owner(guest), user)
    state.appraisals.clear()
    handover = state.handover
    try:
        facts = await memory.forget_all(_owner(guest), user)
        if handover is not None:
            await handover.forget(_owner(guest), user)
    except MemoryGone as gone:
        raise _unavailable(gone) from gone
    except HandoverGone as gone:
        raise ApiError(503, "handover_unavailable", f"{gone}; what is remembered is forgotten, try again.") from gone
    if (folder := state.settings.server.event_logs) is not None:
        try:
            await asyncio.to_thread(event_logs.forget, folder, _owner(guest), user)
        except OSError as error:
            why = f"All is forgotten but an event log, which cannot be deleted ({error.strerror}); try again."
            raise ApiError(503, "event_log_kept", why) from None
    return {"object": "memory.deleted", "deleted": True, "facts": facts}


async def _export(memory: MemoryService, guest: Guest, user: str) -> dict[str, Any]:
    try:
        return await memory.store.export(_owner(guest), user) or NOTHING
    except MemoryGone as gone:
        raise _unavailable(gone) from gone


def _owner(guest: Guest) -> str:
    return guest.name or ""


def _unknown() -> ApiError:
    return ApiError(404, "memory_not_found", "Nothing of this id is remembered; see GET /v1/memory.", "fact_id")


def _unavailable(gone: MemoryGone) -> ApiError:
    return ApiError(503, "memory_unavailable", f"{gone}.")

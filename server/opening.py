"""The session object that a connection begins with: the operator's settings, below what a client secret asks for."""

from __future__ import annotations

import time

from .auth import Guest
from .protocol import WireSession
from .state import ServerState
from .wire_json import cleaned

MODEL_CHARS = 128


def new_wire_session(state: ServerState, session_id: str, model: str, guest: Guest) -> WireSession:
    """Raises ProtocolError for what a client secret asks for."""
    settings = state.settings
    wire = WireSession(
        session_id,
        cleaned(model)[:MODEL_CHARS] or "affetto",
        voice=settings.voice.name,
        instructions=settings.voice.instructions,
        text_chars=settings.server.text_chars,
        expires_at=int(time.time() + settings.server.session_s),
        withheld=_withheld(state.backends.cues) | (frozenset() if "memory" in guest.scopes else {"memory"}),
    )
    wire.merge(dict(guest.session))
    wire.user_is_fixed = guest.by_secret
    return wire


def _withheld(cues: object) -> frozenset[str]:
    """Switches of `session.empathy` that stay off because the operator keeps the backend from inferring it."""
    return getattr(cues, "withheld", frozenset())

"""What a client hears whose way back into a session is not good."""

from __future__ import annotations

from .auth import Denied
from .resumption import Return


def last_of(shown: Return) -> int:
    """Raises Denied."""
    try:
        return shown.last
    except ValueError:
        raise no_event() from None


def no_event() -> Denied:
    return Denied(400, "invalid_last_event", "Last-Event-ID is no event of this session.")


def not_resumable() -> Denied:
    """The same answer for whatever is wrong with a token: there is nothing to be learnt from it."""
    return Denied(
        410, "session_not_resumable", "This session is over, or this is not its newest token; open a new session."
    )


def events_lost() -> Denied:
    return Denied(410, "events_lost", "Too much was said since that event; open a new session.")

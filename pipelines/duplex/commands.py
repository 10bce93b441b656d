"""What a client may ask of a session, decoded; the adapter makes these, `Session.command` takes them.

`event_id` is the client's own id of the event, given back in `outputs.Rejected`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .config import ResponseOptions, SessionConfig
from .items import Item


@dataclass(frozen=True, slots=True)
class Configure:
    """Replace the session's effective settings."""

    config: SessionConfig
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """End the user's turn by hand (`input_audio_buffer.commit`); never makes a response."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClearAudio:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CreateItem:
    """Add a finished item; `previous` is an item id, "root", or `None` for the end."""

    item: Item
    previous: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class RetrieveItem:
    item_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteItem:
    item_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class TruncateItem:
    """The client played only this much of our reply; past the end is clamped."""

    item_id: str
    content_index: int
    audio_end_ms: int
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CreateResponse:
    options: ResponseOptions = ResponseOptions()
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """`response_id` of `None` means the active one."""

    response_id: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReportPlayback:
    """Our clients say how much of an item they have played (wire: `empathy.playback`)."""

    item_id: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class Rejoin:
    """The client lost its line and is back: so much of an item's audio was sent and is only now arriving."""

    item_id: str
    missed_ms: int


Command = (
    Configure
    | CommitAudio
    | ClearAudio
    | CreateItem
    | RetrieveItem
    | DeleteItem
    | TruncateItem
    | CreateResponse
    | CancelResponse
    | ReportPlayback
    | Rejoin
)

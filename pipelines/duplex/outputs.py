"""What a session says to its client, before encoding; `Session.outputs` yields these in order.

One output may become several wire events: `ResponseStarted` and `ResponseEnded` stand for the whole
opening and closing sequence of a response (server/protocol.py spells them out).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...models.base import SpokenWord
from .config import Modality
from .items import Item

ResponseStatus = Literal["completed", "cancelled", "failed", "incomplete"]
StatusReason = Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class Configured:
    """New settings are in force."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class AudioCommitted:
    item_id: str
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class AudioCleared:
    pass


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """Nobody spoke for the configured `idle_timeout_ms`."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item entered the conversation. `done` says that it is complete already (then both
    `conversation.item.added` and `.done` go out)."""

    item: Item
    previous_item_id: str | None
    done: bool = True


@dataclass(frozen=True, slots=True)
class ItemRetrieved:
    item: Item


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """More of the user's words whose recognition is stable."""

    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class TranscriptCompleted:
    item_id: str
    transcript: str
    seconds: float
    empathy: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    item_id: str
    message: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """A response is under way, with one assistant item; `conversation` says whether that joins the history."""

    response_id: str
    item_id: str
    previous_item_id: str | None
    modality: Modality
    metadata: tuple[tuple[str, str], ...] = ()
    conversation: bool = True


@dataclass(frozen=True, slots=True)
class ResponseText:
    """Words of the reply: captions of the audio, or the answer itself for the text modality."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """Audio of the reply: int16 [n] at `rate_hz`."""

    response_id: str
    item_id: str
    samples: NDArray[np.int16]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class ResponseWords:
    """Words of the audio that comes next, in samples of the item's audio at `rate_hz` (`empathy.words`); only for
    clients that asked for events."""

    response_id: str
    item_id: str
    words: tuple[SpokenWord, ...]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """The one terminal of a response. `item.text` is all that was said; `error` goes with `failed`."""

    response_id: str
    item: Item
    modality: Modality
    status: ResponseStatus
    reason: StatusReason | None = None
    error: str | None = None
    usage: Usage | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    empathy: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A client's request could not be carried out; the session goes on."""

    code: str
    message: str
    param: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something of ours failed; the session goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Backchannel:
    """A small sound of listening (`empathy.backchannel`), int16 [n]; only for clients that asked for events and it."""

    text: str
    samples: NDArray[np.int16]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Notice:
    """An `empathy.*` event (`empathy.` + kind); only sent to clients that asked for events."""

    kind: str
    fields: Mapping[str, Any]


Output = (
    Configured
    | SpeechStarted
    | SpeechStopped
    | AudioCommitted
    | AudioCleared
    | IdleTimeout
    | ItemAdded
    | ItemRetrieved
    | ItemDeleted
    | ItemTruncated
    | TranscriptDelta
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseStarted
    | ResponseText
    | ResponseAudio
    | ResponseWords
    | ResponseEnded
    | Rejected
    | Failure
    | Backchannel
    | Notice
)

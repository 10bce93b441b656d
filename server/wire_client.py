"""Client events: from the text of a frame to a command, or one clear error. Pure; raises nothing but ProtocolError."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, field_validator

from ..pipelines.duplex import commands
from ..pipelines.duplex.commands import Command
from ..pipelines.duplex.config import ResponseOptions
from .wire_errors import ProtocolError, from_validation, quoted
from .wire_items import Id, MessageModel, Text
from .wire_json import cleaned, parse
from .wire_schema import Modalities, Shape, Tokens

EVENT_ID_CHARS = 512
_APPENDS = ('{"type": "input_audio_buffer.append", "audio": "', '{"type":"input_audio_buffer.append","audio":"')
"""How clients begin what comes fifty times a second (Python's JSON, JavaScript's); read without a parser."""
LONGEST_MS = 10**9
METADATA_KEYS, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 16, 64, 512


@dataclass(frozen=True, slots=True)
class Append:
    """Audio in the session's input format."""

    audio: bytes
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """A patch of the session object."""

    patch: dict[str, Any]
    event_id: str | None = None


Decoded = Append | Update | Command


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a reader needs beside the event's own fields."""

    event_id: str | None
    text_chars: int
    new_id: Callable[[], str]


class _Event(Shape):
    def command(self, frame: _Frame) -> Decoded:
        raise NotImplementedError


class _SessionUpdate(_Event):
    session: dict[str, Any]

    def command(self, frame: _Frame) -> Decoded:
        return Update(self.session, frame.event_id)


class _Append(_Event):
    audio: str

    def command(self, frame: _Frame) -> Decoded:
        try:
            audio = base64.b64decode(self.audio, validate=True)
        except (binascii.Error, ValueError):
            raise ProtocolError("invalid_value", "'audio' is not valid base64.", "audio", frame.event_id) from None
        if not audio:
            raise ProtocolError("invalid_value", "'audio' holds no sound.", "audio", frame.event_id)
        return Append(audio, frame.event_id)


class _Commit(_Event):
    def command(self, frame: _Frame) -> Decoded:
        return commands.CommitAudio(frame.event_id)


class _Clear(_Event):
    def command(self, frame: _Frame) -> Decoded:
        return commands.ClearAudio(frame.event_id)


class _ItemCreate(_Event):
    item: MessageModel
    previous_item_id: Id | None = None

    def command(self, frame: _Frame) -> Decoded:
        item = self.item.item(frame.new_id())
        _check_length(item.text or "", "item.content", frame)
        return commands.CreateItem(item, self.previous_item_id, frame.event_id)


class _ItemRetrieve(_Event):
    item_id: str

    def command(self, frame: _Frame) -> Decoded:
        return commands.RetrieveItem(_shown(self.item_id), frame.event_id)


class _ItemDelete(_Event):
    item_id: str

    def command(self, frame: _Frame) -> Decoded:
        return commands.DeleteItem(_shown(self.item_id), frame.event_id)


def _whole(value: object) -> object:
    """Milliseconds that a client computed may have a fraction, or be far too large: neither is worth a refusal."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(max(-1, min(value, LONGEST_MS)))
    return value


Milliseconds = Annotated[int, BeforeValidator(_whole)]


class _ItemTruncate(_Event):
    item_id: str
    content_index: int = 0
    audio_end_ms: Milliseconds

    def command(self, frame: _Frame) -> Decoded:
        return commands.TruncateItem(_shown(self.item_id), self.content_index, self.audio_end_ms, frame.event_id)


class _Response(Shape):
    output_modalities: Modalities | None = Field(None, validation_alias=AliasChoices("output_modalities", "modalities"))
    instructions: Text | None = None
    max_output_tokens: Tokens | None = Field(
        None, validation_alias=AliasChoices("max_output_tokens", "max_response_output_tokens")
    )
    metadata: dict[str, str] | None = Field(None, max_length=METADATA_KEYS)
    conversation: Literal["auto", "none"] | None = None
    input: list[Any] | None = None

    @field_validator("metadata")
    @classmethod
    def _check_metadata(cls, metadata: dict[str, str] | None) -> dict[str, str] | None:
        for key, value in (metadata or {}).items():
            if len(key) > METADATA_KEY_CHARS or len(value) > METADATA_VALUE_CHARS:
                raise ValueError(
                    f"keys have at most {METADATA_KEY_CHARS} characters, values at most {METADATA_VALUE_CHARS}"
                )
        return metadata

    @field_validator("input")
    @classmethod
    def _no_input(cls, value: list[Any] | None) -> list[Any] | None:
        if value:
            raise ValueError("a response answers the conversation; add items with conversation.item.create instead")
        return value


def _nothing_is_empty(value: object) -> object:
    return {} if value is None else value


class _ResponseCreate(_Event):
    response: Annotated[_Response, BeforeValidator(_nothing_is_empty)] = _Response()

    def command(self, frame: _Frame) -> Decoded:
        asked = self.response
        _check_length(asked.instructions or "", "response.instructions", frame)
        metadata = tuple((cleaned(key), cleaned(value)) for key, value in (asked.metadata or {}).items())
        options = ResponseOptions(
            instructions=asked.instructions,
            output_modality=asked.output_modalities[0] if asked.output_modalities else None,
            max_output_tokens=asked.max_output_tokens if isinstance(asked.max_output_tokens, int) else None,
            metadata=metadata,
            conversation=asked.conversation != "none",
        )
        return commands.CreateResponse(options, frame.event_id)


class _ResponseCancel(_Event):
    response_id: str | None = None

    def command(self, frame: _Frame) -> Decoded:
        return commands.CancelResponse(self.response_id, frame.event_id)


class _Playback(_Event):
    item_id: str
    played_ms: Annotated[Milliseconds, Field(ge=0)]

    def command(self, frame: _Frame) -> Decoded:
        return commands.ReportPlayback(self.item_id, self.played_ms)


EVENTS: dict[str, type[_Event]] = {
    "session.update": _SessionUpdate,
    "input_audio_buffer.append": _Append,
    "input_audio_buffer.commit": _Commit,
    "input_audio_buffer.clear": _Clear,
    "conversation.item.create": _ItemCreate,
    "conversation.item.retrieve": _ItemRetrieve,
    "conversation.item.delete": _ItemDelete,
    "conversation.item.truncate": _ItemTruncate,
    "response.create": _ResponseCreate,
    "response.cancel": _ResponseCancel,
    "empathy.playback": _Playback,
}


def decode(text: str, *, text_chars: int = 20_000, new_id: Callable[[], str]) -> Decoded:
    """Read one frame.

    Raises:
        ProtocolError: whatever is wrong with it; nothing else is raised for any text.
    """
    audio = _appended(text)
    if audio:
        return Append(audio)
    event = parse(text)
    event_id = _event_id(event.get("event_id"))
    kind = event.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("missing_required_parameter", "Missing required parameter: 'type'.", "type", event_id)
    model = EVENTS.get(kind)
    if model is None:
        message = f"Unknown event type {quoted(kind)}. Known are: {', '.join(EVENTS)}."
        raise ProtocolError("unknown_event_type", message, "type", event_id)
    try:
        read = model.model_validate(event)
    except ValidationError as error:
        raise from_validation(error, "", event_id) from None
    return read.command(_Frame(event_id, text_chars, new_id))


def _appended(text: str) -> bytes | None:
    """The audio of a plain `input_audio_buffer.append`; whatever is unusual about it is for the slow way."""
    if not text.startswith(_APPENDS) or not text.endswith('"}'):
        return None
    begin = len(_APPENDS[0]) if text.startswith(_APPENDS[0]) else len(_APPENDS[1])
    try:
        return binascii.a2b_base64(text[begin:-2], strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def _event_id(value: object) -> str | None:
    return cleaned(value)[:EVENT_ID_CHARS] if isinstance(value, str) else None


def _shown(item_id: str) -> str:
    """An id as it may come back in an error."""
    return cleaned(item_id)[:EVENT_ID_CHARS]


def _check_length(text: str, param: str, frame: _Frame) -> None:
    if len(text) > frame.text_chars:
        message = f"'{param}' is longer than {frame.text_chars} characters."
        raise ProtocolError("string_above_max_length", message, param, frame.event_id)

"""Client events: from the text of a frame to a command, or one clear error. Pure; never raises anything else."""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..pipelines.duplex import commands
from ..pipelines.duplex.commands import Command
from ..pipelines.duplex.config import ResponseOptions
from ..pipelines.duplex.items import Item, PartKind
from .wire_errors import ProtocolError

MAX_EVENT_ID = 512
METADATA_KEYS, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 16, 64, 512
USER_PARTS = {"input_text", "input_audio"}
ROLES = {"user", "assistant", "system"}


@dataclass(frozen=True, slots=True)
class Append:
    """Audio in the session's input format."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A patch of the session object."""

    patch: dict[str, Any]
    event_id: str | None


Decoded = Append | Update | Command


def decode(text: str, *, text_chars: int = 20_000, new_id: Callable[[], str]) -> Decoded:
    """Read one frame. Raises ProtocolError, whatever the text."""
    event = _parse(text)
    event_id = _event_id(event)
    kind = event.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("missing_required_parameter", "An event needs a type, a string.", "type", event_id)
    reader = _READERS.get(kind)
    if reader is None:
        raise ProtocolError("invalid_event_type", f"Unknown event type {kind[:80]!r}.", "type", event_id)
    return reader(_Event(event, event_id, text_chars, new_id))


@dataclass(frozen=True, slots=True)
class _Event:
    fields: dict[str, Any]
    event_id: str | None
    text_chars: int
    new_id: Callable[[], str]

    def fail(self, code: str, message: str, param: str | None = None) -> ProtocolError:
        return ProtocolError(code, message, param, self.event_id)

    def string(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise self.fail("missing_required_parameter", f"{name} is needed, a string.", name)
        return value[:MAX_EVENT_ID]

    def integer(self, name: str) -> int:
        value = self.fields.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
            raise self.fail("invalid_type", f"{name} must be an integer.", name)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self.fail("missing_required_parameter", f"{name} is needed, an object.", name)
        return value

    def text(self, value: object, name: str) -> str:
        """Text that is safe to keep: bounded, without control characters."""
        if not isinstance(value, str):
            raise self.fail("invalid_type", f"{name} must be a string.", name)
        if len(value) > self.text_chars:
            raise self.fail("string_above_max_length", f"{name} may have {self.text_chars} characters.", name)
        return cleaned(value)


def cleaned(text: str) -> str:
    """Without controls, lone surrogates and direction overrides; line ends and tabs stay."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cf") or c in "\u200d\u200c")
    return "".join(kept)


def _parse(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ProtocolError("invalid_json", f"The event is not valid JSON: {reason}"[:200]) from None
    if not isinstance(event, dict):
        raise ProtocolError("invalid_json", "An event is a JSON object.")
    return event


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key occurs twice")
    return keys


def _event_id(event: dict[str, Any]) -> str | None:
    value = event.get("event_id")
    return cleaned(value)[:MAX_EVENT_ID] if isinstance(value, str) else None


def _append(event: _Event) -> Append:
    value = event.fields.get("audio")
    if not isinstance(value, str):
        raise event.fail("missing_required_parameter", "audio is needed, base64.", "audio")
    try:
        return Append(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        raise event.fail("invalid_value", "audio is not valid base64.", "audio") from None


def _update(event: _Event) -> Update:
    patch = event.mapping("session")
    for name in ("instructions",):
        if patch.get(name) is not None:
            patch = {**patch, name: event.text(patch[name], f"session.{name}")}
    return Update(patch, event.event_id)


def _create_item(event: _Event) -> Command:
    given = event.mapping("item")
    previous = event.fields.get("previous_item_id")
    if previous is not None and not isinstance(previous, str):
        raise event.fail("invalid_type", "previous_item_id must be a string.", "previous_item_id")
    item_id = given.get("id")
    item_id = item_id[:MAX_EVENT_ID] if isinstance(item_id, str) and item_id else event.new_id()
    return commands.CreateItem(_item(event, given, item_id), previous, event.event_id)


def _item(event: _Event, given: dict[str, Any], item_id: str) -> Item:
    kind = given.get("type", "message")
    if kind == "function_call_output":
        return Item(
            item_id, "system", "input_text", f"Tool result: {event.text(given.get('output', ''), 'item.output')}"
        )
    if kind == "function_call":
        return Item(item_id, "system", "input_text", f"Tool called: {event.text(given.get('name', ''), 'item.name')}")
    if kind != "message":
        raise event.fail(
            "invalid_value", "item.type must be message, function_call or function_call_output.", "item.type"
        )
    role = given.get("role")
    if role not in ROLES:
        raise event.fail("invalid_value", "item.role must be user, assistant or system.", "item.role")
    content = given.get("content")
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise event.fail("invalid_type", "item.content must be a list of parts.", "item.content")
    texts = [_part_text(event, part) for part in content]
    return Item(item_id, role, _part_kind(role, content), " ".join(text for text in texts if text))


def _part_text(event: _Event, part: dict[str, Any]) -> str:
    if part.get("type") == "input_image":
        raise event.fail("invalid_value", "Images are not understood here.", "item.content.type")
    value = part.get("text") if part.get("text") is not None else part.get("transcript")
    return event.text(value if value is not None else "", "item.content.text")


def _part_kind(role: str, content: list[dict[str, Any]]) -> PartKind:
    spoken = any("audio" in str(part.get("type")) for part in content)
    if role == "assistant":
        return "output_audio" if spoken else "output_text"
    return "input_audio" if spoken and role == "user" else "input_text"


def _create_response(event: _Event) -> Command:
    given = event.fields.get("response") or {}
    if not isinstance(given, dict):
        raise event.fail("invalid_type", "response must be an object.", "response")
    instructions = given.get("instructions")
    options = ResponseOptions(
        instructions=None if instructions is None else event.text(instructions, "response.instructions"),
        output_modality=_modality(event, given),
        max_output_tokens=_tokens(event, given),
        metadata=_metadata(event, given.get("metadata")),
        conversation=given.get("conversation") != "none",
    )
    return commands.CreateResponse(options, event.event_id)


def _modality(event: _Event, given: dict[str, Any]) -> Any:
    value = given.get("output_modalities", given.get("modalities"))
    if value is None:
        return None
    if not isinstance(value, list) or not set(map(str, value)) <= {"audio", "text"} or not value:
        raise event.fail(
            "invalid_value", 'output_modalities must be ["audio"] or ["text"].', "response.output_modalities"
        )
    return "audio" if "audio" in value else "text"


def _tokens(event: _Event, given: dict[str, Any]) -> int | None:
    value = given.get("max_output_tokens", given.get("max_response_output_tokens"))
    if value in (None, "inf"):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4096:
        raise event.fail("invalid_value", 'max_output_tokens must be 1 to 4096 or "inf".', "response.max_output_tokens")
    return value


def _metadata(event: _Event, value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    fits = (
        isinstance(value, dict)
        and len(value) <= METADATA_KEYS
        and all(
            isinstance(v, str) and len(k) <= METADATA_KEY_CHARS and len(v) <= METADATA_VALUE_CHARS
            for k, v in value.items()
        )
    )
    if not fits or not isinstance(value, dict):
        raise event.fail("invalid_value", "metadata takes 16 short string values.", "response.metadata")
    return tuple((cleaned(k), cleaned(v)) for k, v in value.items())


def _truncate(event: _Event) -> Command:
    return commands.TruncateItem(
        event.string("item_id"), event.integer("content_index"), event.integer("audio_end_ms"), event.event_id
    )


def _cancel(event: _Event) -> Command:
    value = event.fields.get("response_id")
    return commands.CancelResponse(value if isinstance(value, str) else None, event.event_id)


def _playback(event: _Event) -> Command:
    return commands.ReportPlayback(event.string("item_id"), event.integer("played_ms"))


_READERS: dict[str, Callable[[_Event], Decoded]] = {
    "session.update": _update,
    "transcription_session.update": _update,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.commit": lambda event: commands.CommitAudio(event.event_id),
    "input_audio_buffer.clear": lambda event: commands.ClearAudio(event.event_id),
    "output_audio_buffer.clear": lambda event: commands.CancelResponse(None, event.event_id),
    "conversation.item.create": _create_item,
    "conversation.item.retrieve": lambda event: commands.RetrieveItem(event.string("item_id"), event.event_id),
    "conversation.item.delete": lambda event: commands.DeleteItem(event.string("item_id"), event.event_id),
    "conversation.item.truncate": _truncate,
    "response.create": _create_response,
    "response.cancel": _cancel,
    "empathy.playback": _playback,
}

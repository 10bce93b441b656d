"""The session object of the wire: defaults, updates merged in, what it asks of the conversation, its echo. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from ..pipelines.duplex.config import SemanticVad, ServerVad, SessionConfig, TurnDetection
from .wire_errors import ProtocolError, from_validation
from .wire_flat import lifted
from .wire_schema import Audio, Output, SemanticVadModel, ServerVadModel, SessionModel

NULLABLE = frozenset(
    {"turn_detection", "transcription", "noise_reduction", "tracing", "prompt", "reasoning", "include"}
)
"""Keys for which null is a value of its own ("off"); any other null brings the default back."""
MERGED = frozenset({"audio", "input", "output", "turn_detection", "transcription", "noise_reduction", "empathy"})
"""Objects that an update changes key by key; any other is replaced whole."""
LARGEST_BYTES = 200 * 1024
"""Of the echoed session: a server frame stays below 256 KiB."""


class WireSession:
    """The effective session of one connection; `merge` changes it whole or not at all."""

    def __init__(
        self,
        session_id: str,
        model: str,
        *,
        voice: str = "default",
        instructions: str = "",
        text_chars: int = 20_000,
        expires_at: int | None = None,
        withheld: Collection[str] = (),
    ) -> None:
        """`withheld` names the switches of `session.empathy` that the operator keeps off whatever a client asks."""
        self.id = session_id
        self.name = model
        self.resume_token: str | None = None
        """What a client that asked to be able to come back shows then."""
        self.voice_is_fixed = False
        """Set once audio has been sent: the voice stays as it is."""
        self.user_is_fixed = False
        """Set where a client secret was issued: whoever holds it is no other person than it says."""
        self._text_chars = text_chars
        self.expires_at = expires_at
        self._withheld = dict.fromkeys(withheld, False)
        self.model = self._allowed(SessionModel(instructions=instructions, audio=Audio(output=Output(voice=voice))))

    def merge(self, patch: dict[str, Any], event_id: str | None = None) -> None:
        """Take an update: objects are merged key by key, null clears.

        Raises:
            ProtocolError: something in it is not valid; nothing of it holds then.
        """
        _check_kind(patch, event_id)
        merged = _merge(self.model.model_dump(), lifted(patch))
        try:
            model = self._allowed(SessionModel.model_validate(merged))
        except ValidationError as error:
            raise from_validation(error, "session", event_id) from None
        if self.voice_is_fixed and model.audio.output.voice != self.model.audio.output.voice:
            raise ProtocolError(
                "cannot_update_voice",
                "The voice cannot change any more: the session has spoken with it.",
                "session.audio.output.voice",
                event_id,
            )
        if self.user_is_fixed and model.empathy.user != self.model.empathy.user:
            raise ProtocolError(
                "cannot_update_user",
                "The user is the one that the client secret was issued for (session.empathy.user there), or none.",
                "session.empathy.user",
                event_id,
            )
        self._check_size(model, event_id)
        self.model = model

    def restore(self, model: dict[str, Any]) -> None:
        """Be as a session was elsewhere, but for what this server's operator keeps off. Raises ValueError."""
        self.model = self._allowed(SessionModel.model_validate(model))

    def echo(self) -> dict[str, Any]:
        """The full effective session, for `session.created` and `session.updated`."""
        return self._echo(self.model)

    def config(self) -> SessionConfig:
        """What the conversation is asked to do."""
        model, limit = self.model, self.model.max_output_tokens
        transcription = model.audio.input.transcription
        return SessionConfig(
            turn_detection=_detection(model.audio.input.turn_detection),
            output_modality=model.output_modalities[0],
            instructions=model.instructions,
            voice=model.audio.output.voice,
            speed=model.audio.output.speed,
            language=transcription.language if transcription else None,
            transcription_prompt=(transcription.prompt or "") if transcription else "",
            max_output_tokens=None if limit == "inf" else limit,
            empathy=model.empathy.config,
        )

    def _allowed(self, model: SessionModel) -> SessionModel:
        return model.model_copy(update={"empathy": model.empathy.model_copy(update=self._withheld)})

    def _echo(self, model: SessionModel) -> dict[str, Any]:
        document = model.model_dump(mode="json")
        heard = document["audio"]["input"]
        for key in ("transcription", "turn_detection", "noise_reduction"):
            heard[key] = _without_none(heard[key])
        document["empathy"] |= {"resume": self.resume_token is not None}
        if self.resume_token is not None:
            document["empathy"]["resume_token"] = self.resume_token
        optional = {key: document.pop(key) for key in ("prompt", "include", "reasoning", "parallel_tool_calls")}
        if self.expires_at is not None:
            optional["expires_at"] = self.expires_at
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.id,
            "model": self.name,
            **document,
            **{key: value for key, value in optional.items() if value is not None},
        }

    def _check_size(self, model: SessionModel, event_id: str | None) -> None:
        if len(model.instructions) > self._text_chars:
            message = f"The instructions are longer than {self._text_chars} characters."
            raise ProtocolError("string_above_max_length", message, "session.instructions", event_id)
        if len(json.dumps(self._echo(model))) > LARGEST_BYTES:
            message = f"The session is larger than {LARGEST_BYTES} bytes; shorten its tools or instructions."
            raise ProtocolError("session_too_large", message, "session", event_id)


def _check_kind(patch: dict[str, Any], event_id: str | None) -> None:
    if patch.get("type", "realtime") not in ("realtime", None):
        raise ProtocolError(
            "invalid_value", "Only sessions of type 'realtime' are served here.", "session.type", event_id
        )


def _merge(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in patch.items():
        if value is None and key not in NULLABLE:
            merged.pop(key, None)
        elif key in MERGED and isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge_object(merged[key], value)
        else:
            merged[key] = _merge({}, value) if key in MERGED and isinstance(value, dict) else value
    return merged


def _merge_object(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A turn detection of another type starts from its own defaults."""
    return _merge({} if patch.get("type", base.get("type")) != base.get("type") else base, patch)


def _without_none(value: dict[str, Any] | None) -> dict[str, Any] | None:
    return value if value is None else {key: part for key, part in value.items() if part is not None}


def _detection(model: ServerVadModel | SemanticVadModel | None) -> TurnDetection | None:
    if model is None:
        return None
    fields = model.model_dump(exclude={"type"})
    return ServerVad(**fields) if isinstance(model, ServerVadModel) else SemanticVad(**fields)

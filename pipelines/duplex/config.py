"""What a session is asked to do: the typed, frozen part of the wire's session object that policy reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Modality = Literal["audio", "text"]
Eagerness = Literal["low", "medium", "high", "auto"]


@dataclass(frozen=True, slots=True)
class ServerVad:
    """Turn ends after a fixed silence (OpenAI `server_vad`); times in milliseconds."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """Turn ends when it sounds finished (OpenAI `semantic_vad`)."""

    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = ServerVad | SemanticVad


@dataclass(frozen=True, slots=True)
class EmpathyConfig:
    """Affetto's own switches (wire: `session.empathy`).

    `acoustic` allows inference of emotion from the voice (the client says so once the person was told);
    `events` sends `empathy.*` events; `backchannels` lets us say "mm-hm" while the user speaks;
    `playback_reports` says that the client reports what it has played; `memory` is the person's consent to be
    remembered, as `user` (the client's own id for them).
    """

    acoustic: bool = True
    age: bool = False
    gender: bool = False
    memory: bool = False
    events: bool = False
    backchannels: bool = False
    playback_reports: bool = False
    trace: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Effective settings of a session; replaced whole on `session.update`."""

    turn_detection: TurnDetection | None = field(default_factory=SemanticVad)
    output_modality: Modality = "audio"
    instructions: str = ""
    voice: str = "default"
    speed: float = 1.0
    language: str | None = None
    transcription_prompt: str = ""
    max_output_tokens: int | None = None
    empathy: EmpathyConfig = field(default_factory=EmpathyConfig)


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """What one `response.create` asks for; `None` means as the session says.

    `conversation=False` is the wire's `conversation: "none"`: answered, but not kept in the history.
    """

    instructions: str | None = None
    output_modality: Modality | None = None
    max_output_tokens: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    conversation: bool = True

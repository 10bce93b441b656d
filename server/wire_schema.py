"""Shapes of the session object (GA dialect) and their limits. Fields that we do not know are ignored: clients are newer
than servers. Only `empathy`, which is ours, is closed."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from ..pipelines.duplex.config import Eagerness, EmpathyConfig, Modality
from .wire_json import cleaned

MOST_TOKENS = 4096
MOST_TOOLS = 128
TOOLS_BYTES = 64 * 1024
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
FLAT_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Pcm(Shape):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000
    """Hz; mono signed 16-bit little-endian."""


class Pcmu(Shape):
    type: Literal["audio/pcmu"] = "audio/pcmu"


class Pcma(Shape):
    type: Literal["audio/pcma"] = "audio/pcma"


def _named_format(value: object) -> object:
    """The beta's names, and a bare type, count as formats."""
    if isinstance(value, str):
        return {"type": FLAT_FORMATS.get(value, value)}
    return value


Format = Annotated[
    Annotated[Pcm | Pcmu | Pcma, Field(discriminator="type")],
    BeforeValidator(_named_format),
]


class ServerVadModel(Shape):
    type: Literal["server_vad"] = "server_vad"
    threshold: float = Field(0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(300, ge=0, le=5000)
    silence_duration_ms: int = Field(500, ge=0, le=30_000)
    idle_timeout_ms: int | None = Field(None, ge=1000, le=600_000)
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVadModel(Shape):
    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True


def _detection_type(value: object) -> str:
    kind = value.get("type", "server_vad") if isinstance(value, dict) else getattr(value, "type", None)
    return str(kind)


Detection = Annotated[
    Annotated[ServerVadModel, Tag("server_vad")] | Annotated[SemanticVadModel, Tag("semantic_vad")],
    Discriminator(
        _detection_type,
        custom_error_type="turn_detection_value",
        custom_error_message="type must be 'server_vad' or 'semantic_vad'",
    ),
]


class Transcription(Shape):
    """Our recogniser is the server's choice; the model asked for is only said back."""

    model: str = Field("whisper-1", max_length=256)
    language: str | None = Field(None, max_length=16)
    prompt: str | None = Field(None, max_length=1024)


class NoiseReduction(Shape):
    type: Literal["near_field", "far_field"] = "near_field"


class Input(Shape):
    format: Format = Pcm()
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = Transcription()
    turn_detection: Detection | None = SemanticVadModel()


def _voice_name(value: object) -> object:
    """A custom voice comes as an object with its id; clients want a name back."""
    return value.get("id") if isinstance(value, dict) else value


Voice = Annotated[str, BeforeValidator(_voice_name), Field(min_length=1, max_length=128)]


class Output(Shape):
    format: Format = Pcm()
    voice: Voice = "default"
    speed: float = Field(1.0, ge=0.25, le=1.5)


class Audio(Shape):
    input: Input = Input()
    output: Output = Output()


SAID_BY_US = frozenset({"resume_token", "events_taken"})


class Empathy(Shape):
    """Ours: what may be inferred from the voice, and what is sent on top of the standard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    acoustic: bool = True
    age: bool = False
    gender: bool = False
    memory: bool = False
    events: bool = False
    backchannels: bool = False
    playback_reports: bool = False
    trace: bool = False
    user: str = Field("", max_length=256)
    resume: bool = False

    @model_validator(mode="before")
    @classmethod
    def _drop_ours(cls, value: object) -> object:
        """Clients may send back the session that they got, with what only we say in it."""
        return {key: part for key, part in value.items() if key not in SAID_BY_US} if isinstance(value, dict) else value

    @property
    def config(self) -> EmpathyConfig:
        """What of it is the conversation's business."""
        return EmpathyConfig(**self.model_dump(exclude={"resume"}))


def _one_modality(value: object) -> object:
    """Audio comes with its text, so both together mean audio."""
    if isinstance(value, list) and set(map(str, value)) == {"text", "audio"}:
        return ["audio"]
    return value


Modalities = Annotated[list[Modality], BeforeValidator(_one_modality), Field(min_length=1, max_length=1)]


def _at_most(value: object) -> object:
    """More tokens than there can be is no mistake to refuse."""
    return min(value, MOST_TOKENS) if isinstance(value, int) else value


Tokens = Annotated[Annotated[int, Field(ge=1)] | Literal["inf"], BeforeValidator(_at_most)]


def _choice_name(value: object) -> object:
    """Strict clients want a word back, not the object that names one function."""
    return "required" if isinstance(value, dict) else value


class SessionModel(Shape):
    """All that a client may set of a session, with its defaults."""

    output_modalities: Modalities = ["audio"]
    instructions: str = ""
    audio: Audio = Audio()
    tools: list[dict[str, Any]] = Field([], max_length=MOST_TOOLS)
    tool_choice: Annotated[Literal["auto", "none", "required"], BeforeValidator(_choice_name)] = "auto"
    max_output_tokens: Tokens = "inf"
    tracing: Literal["auto"] | dict[str, Any] | None = None
    truncation: Literal["auto", "disabled"] | dict[str, Any] = "auto"
    prompt: dict[str, Any] | None = None
    include: list[str] | None = None
    reasoning: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    empathy: Empathy = Empathy()

    @field_validator("instructions")
    @classmethod
    def _clean(cls, value: str) -> str:
        return cleaned(value)

    @field_validator("tools")
    @classmethod
    def _check_tools(cls, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(json.dumps(tools)) > TOOLS_BYTES:
            raise ValueError(f"tools take more than {TOOLS_BYTES} bytes")
        return [_function(tool) for tool in tools]


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type", "function") != "function":
        raise ValueError("only tools of type 'function' are known here")
    name = tool.get("name")
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        raise ValueError("a tool's name is 1 to 64 letters, digits, '_' or '-'")
    parameters = tool.get("parameters") or {}
    if not isinstance(parameters, dict) or not isinstance(tool.get("description", ""), str):
        raise ValueError(f"tool {name!r} needs an object for parameters and text for description")
    return {"type": "function", "name": name, "description": tool.get("description", ""), "parameters": parameters}

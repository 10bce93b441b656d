"""Which backends there are, by kind and name; imported only when asked for.

A backend's module holds its class and a pydantic `Options`; the class is built as `Backend(options, store)`.
`package.module:Class` instead of a name brings one from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from .errors import Unavailable
from .store import Store

BACKENDS: dict[str, dict[str, str]] = {
    "vad": {"silero": ".vad.silero:SileroVAD", "scripted": ".vad.scripted:ScriptedVAD"},
    "turn": {"smart_turn": ".turn.smart_turn:SmartTurn", "scripted": ".turn.scripted:ScriptedTurn"},
    "asr": {
        "faster_whisper": ".asr.faster_whisper:FasterWhisper",
        "ray": ".cluster.remote:RemoteRecognizer",
        "scripted": ".asr.scripted:ScriptedRecognizer",
    },
    "cues": {
        "voice": ".cues.voice:VoiceCues",
        "prosody": ".cues.prosody:ProsodyCues",
        "ray": ".cluster.remote:RemoteCues",
        "scripted": ".cues.scripted:ScriptedCues",
    },
    "appraiser": {
        "llm": ".appraisal.llm:LLMAppraiser",
        "small": ".appraisal.small:SmallAppraiser",
        "ray": ".cluster.remote:RemoteAppraiser",
        "scripted": ".appraisal.scripted:ScriptedAppraiser",
    },
    "llm": {
        "llama": ".llm.llama:Llama",
        "openai": ".llm.openai:OpenAIChat",
        "scripted": ".llm.scripted:ScriptedChat",
    },
    "embedder": {
        "minilm": ".embedding.sentences:SentenceEmbedder",
        "ray": ".cluster.remote:RemoteEmbedder",
        "scripted": ".embedding.scripted:ScriptedEmbedder",
    },
    "tts": {
        "kokoro": ".tts.kokoro:Kokoro",
        "piper": ".tts.piper:Piper",
        "openai": ".tts.openai:OpenAISpeech",
        "coqui": ".tts.coqui:Coqui",
        "ray": ".cluster.remote:RemoteSynthesizer",
        "scripted": ".tts.scripted:ScriptedSynthesizer",
    },
}

EXTRAS = {
    "torch": "gpu",
    "torchaudio": "gpu",
    "transformers": "gpu",
    "TTS": "coqui",
    "peft": "train",
    "sklearn": "train",
    "ray": "cluster",
    "asyncpg": "postgresql",
    "sounddevice": "microphone",
    "opentelemetry": "tracing",
}
"""The extra that brings a package that is not always installed."""


class BadBackend(Exception):
    """A setting names no backend, or gives it options that it does not take; the message lists what there is."""


def create(kind: str, name: str, options: Mapping[str, Any], store: Store) -> Any:
    """Build a backend.

    Raises:
        BadBackend: no such backend, or wrong options.
        Unavailable: its weights or packages are missing; the message says how to get them.
    """
    module_name, _, attribute = _target(kind, name).partition(":")
    module = _import(kind, name, module_name)
    try:
        backend = getattr(module, attribute)
    except AttributeError:
        raise BadBackend(f"{kind}.backend = {name!r}: module {module_name} has no {attribute!r}") from None
    return backend(_options(kind, name, module, options), store)


def options_of(kind: str, name: str) -> type[BaseModel]:
    """The options that a backend takes. Raises BadBackend, Unavailable."""
    module: Any = _import(kind, name, _target(kind, name).partition(":")[0])
    model: type[BaseModel] = module.Options
    return model


def _target(kind: str, name: str) -> str:
    if ":" in name:
        return name
    try:
        return BACKENDS[kind][name]
    except KeyError:
        choices = ", ".join(sorted(BACKENDS[kind]))
        raise BadBackend(
            f"{kind}.backend = {name!r} is not known; choose one of {choices}, or package.module:Class"
        ) from None


def _import(kind: str, name: str, module_name: str) -> ModuleType:
    try:
        return import_module(module_name, __package__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRAS:
            raise Unavailable(
                f"{kind} backend {name!r} needs {missing}: pip install 'affetto[{EXTRAS[missing]}]'"
            ) from error
        raise Unavailable(f"{kind} backend {name!r} cannot be imported: {error}") from error


def _options(kind: str, name: str, module: ModuleType, given: Mapping[str, Any]) -> BaseModel:
    model: type[BaseModel] = module.Options
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        known = ", ".join(sorted(model.model_fields)) or "none"
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadBackend(f"{kind}.options for {name!r}: {wrong} (known options: {known})") from None

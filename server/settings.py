"""All settings of a server: typed, closed, from TOML and environment, built once and passed down.

Sources, strongest first: keyword arguments (the command line's `--set`), environment variables `AFFETTO_...`
(`__` between sections), the TOML file, the profile's defaults.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ProfileName = Literal["embedded", "gpu", "cluster", "scripted"]


class BadSettings(Exception):
    """Settings that cannot be used; the message names each wrong one."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ServerSection(Section):
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""
    port: int = Field(8600, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    workers: int = Field(1, ge=1, le=256)
    """Processes that share the port, each with an event loop and models of its own (Linux): for machines that are full
    of sessions whose models run elsewhere. Limits count for each by itself. Needs handover.enabled."""
    worker_port: int = Field(0, ge=0, le=65535)
    """Port at which the first of several workers answers by itself (metrics, status), the next ones at the next; 0
    takes free ones."""
    api_keys: list[SecretStr] = []
    """Keys that clients must show; without any, here or in keys_file, whoever can reach the address comes in."""
    keys_file: Path | None = None
    """File of keys that `affetto keys` makes: hashed, with scopes, revoked without a restart."""
    metrics_open: bool = False
    """Show /metrics without a key, too, where keys are asked for: only where nobody else's network gets there."""
    allowed_origins: list[str] = []
    """Web origins, besides the server's own, whose pages may open a session (browsers say where they come from)."""
    sessions: int = Field(64, ge=1)
    """Live sessions at the same time."""
    sessions_per_key: int = Field(32, ge=1)
    """Live sessions of one key."""
    sessions_per_address: int = Field(32, ge=1)
    """Live sessions from one address."""
    connections_per_address: int = Field(256, ge=1)
    """Open connections from one address, whatever they do; trusted proxies may have more."""
    requests_per_s: float = Field(50, gt=0)
    """Requests and new sessions of one key (of one address, where no key is asked for); ten seconds' worth at once."""
    events_per_s: float = Field(500, gt=0)
    """Events of one session that are read; those beyond it are read later, and four seconds' worth at once."""
    admission: bool = True
    """Refuse a new session (503, or 1013 to browsers) where it would make the running ones suffer, as measured."""
    most_lag_ms: float = Field(30, gt=0)
    """A new session is refused while the event loop is later than this (p99 of the last five seconds)."""
    session_cores: float | None = Field(None, ge=0)
    """Processor cores that a session is taken to need before that is measured; what is measured may halve it at most.
    None: 0.8 where all models run on this machine (docs/performance.md), else nothing."""
    session_s: float = Field(3600, gt=0)
    """Longest session, in seconds."""
    idle_s: float = Field(600, gt=0)
    """A session from which nothing has come for this long is closed."""
    resume_s: float = Field(60, ge=0)
    """How long a session whose line broke waits for its client, where that asked for it; 0: not at all."""
    upload_mib: float = Field(25, gt=0)
    """Largest audio file for transcription."""
    audio_s: float = Field(3600, gt=0)
    """Longest audio in such a file, in seconds."""
    page: bool = True
    """Serve the page to talk to at /, and the trace view at /trace."""
    grace_s: float = Field(10, ge=0)
    """When the server stops: how long what is being said may go on."""
    trusted_proxies: list[str] = ["127.0.0.1", "::1"]
    """Addresses of proxies before us, which may say (X-Forwarded-For) where a client really is."""
    trace_s: float = Field(3600, ge=0)
    """How long the trace of a session that asked for one is held after its end, in memory only."""
    text_chars: int = Field(20_000, ge=100)
    """Longest text of an item, of instructions, or of a text to speak."""
    event_logs: Path | None = None
    """Folder for a log of each session's events, which `affetto replay` checks. What people say stands in it, in words
    (no sound): only where they know. None writes nothing."""
    event_log_days: float | None = Field(30, gt=0)
    """Logs of sessions that ended longer ago are deleted, hourly; none keeps them until somebody deletes them."""


class BackendSection(Section):
    backend: str
    """Name in the registry, or package.module:Class."""
    options: dict[str, Any] = {}
    """Options of that backend."""


class PersonaSection(Section):
    openness: float = Field(0.5, ge=0, le=1)
    """Leans to play."""
    conscientiousness: float = Field(0.5, ge=0, le=1)
    """Leans to calm."""
    extraversion: float = Field(0.5, ge=0, le=1)
    """Leans to liveliness."""
    agreeableness: float = Field(0.5, ge=0, le=1)
    """Leans to warmth."""
    neuroticism: float = Field(0.3, ge=0, le=1)
    """How far the tone may move from one reply to the next."""


class VoiceSection(Section):
    name: str = "default"
    """Voice used when the client names none."""
    instructions: str = ""
    """Persona: how the assistant is to be, in words; the safety policy stands above it."""
    region: str | None = None
    """ISO 3166 code of the country whose crisis line is named."""
    render_openers: bool = True
    """Render the openers in this voice when the server starts, slowly and in the background."""
    persona: PersonaSection = PersonaSection()
    """The assistant's temperament (Big Five, 0.5 is everybody's): how the tone of its replies moves."""


class DuplexSection(Section):
    lead_ms: int = Field(200, ge=20, le=2000)
    """How far ahead of real time our audio leaves."""
    speculate: bool = True
    """Begin the reply before the turn has surely ended."""
    openers: bool = True
    """Begin with a short clause that is ready at once."""
    partials: bool = True
    """Recognise while the user speaks."""
    whole_reply: bool = False
    """Synthesize the whole reply in one piece."""
    prompt_form: Literal["adapter", "full"] = "adapter"
    """How the chat model is asked: in the embedded adapters' format, or with everything spelled out."""
    max_reply_sentences: int = Field(2, ge=1)
    """Sentences of a reply."""
    max_reply_words: int = Field(40, ge=5)
    """Words after which a reply ends at the next sentence end."""


class MemorySection(Section):
    enabled: bool = True
    """Remember people who consent (a session says so by empathy.memory); nobody else, ever."""
    url: SecretStr | None = None
    """Database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME (needs affetto[postgresql]); none is a file
    in the user's data folder, made when the first person consents."""
    keys: list[SecretStr] = []
    """Fernet keys that encrypt what is remembered: the first seals, all open. Put a new one in front to rotate."""
    keep_days: float | None = Field(365, gt=0)
    """What is older than this is forgotten; none keeps until asked to forget."""
    facts: int = Field(200, ge=1, le=2000)
    """Facts kept of one person; the least important and oldest go."""


class ObserveSection(Section):
    logs: Literal["plain", "json"] = "plain"
    """Log lines for people, or one JSON object a line for machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """The least that is worth a line; "info" has one for each session and each response."""
    otlp_url: str | None = None
    """Send a trace of each turn to this collector (OTLP over HTTP, e.g. http://localhost:4318/v1/traces; needs
    affetto[tracing]). There are times in it and names of stages, no words."""
    otlp_headers: dict[str, SecretStr] = {}
    """Headers for the collector, e.g. its key."""


class StageSection(BackendSection):
    replicas: int = Field(1, ge=1)
    """Processes that run this stage at the least; two, on two nodes, for one to be able to fail."""
    most_replicas: int = Field(1, ge=1)
    """The same at the most: more of them while more than `calls` calls a replica are under way."""
    replicas_per_node: int | None = Field(None, ge=1)
    """Replicas on one node at the most; none leaves it to Ray, which spreads them."""
    calls: int = Field(4, ge=1)
    """Calls that a replica is to have under way: what it can batch, and a few that wait."""
    cpus: float = Field(1.0, ge=0)
    """Cores that a replica takes of its node."""
    gpus: float = Field(0.0, ge=0)
    """GPUs that a replica takes of its node; parts are shared."""


class ClusterSection(Section):
    address: str | None = None
    """The Ray cluster of `affetto cluster up`; none is the one of which this machine is a node."""
    asr: StageSection = StageSection(backend="faster_whisper")
    cues: StageSection = StageSection(backend="voice")
    appraiser: StageSection = StageSection(backend="small")
    tts: StageSection = StageSection(backend="kokoro")
    embedder: StageSection = StageSection(backend="minilm", cpus=0.5)


class HandoverSection(Section):
    enabled: bool = False
    """Keep sessions whose clients asked to be able to come back (session.empathy.resume) where other servers find
    them, so that they go on there when this one stops or is lost. What was said stands in the database for as long
    as the session lives."""
    url: SecretStr | None = None
    """The database that the servers share: postgresql://USER:PASSWORD@HOST/NAME, or for one machine sqlite:///FILE;
    none takes memory.url, or a file in the user's data folder."""
    keys: list[SecretStr] = []
    """Fernet keys that encrypt it: the first seals, all open; none takes memory.keys."""


PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    "embedded": {
        "vad": {"backend": "silero"},
        "turn": {"backend": "smart_turn"},
        "asr": {"backend": "faster_whisper"},
        "cues": {"backend": "voice"},
        "appraiser": {"backend": "small"},
        "llm": {"backend": "llama"},
        "tts": {"backend": "kokoro"},
        "embedder": {"backend": "minilm"},
    },
    "gpu": {
        "vad": {"backend": "silero"},
        "turn": {"backend": "smart_turn"},
        "asr": {
            "backend": "faster_whisper",
            "options": {"model": "large-v3-turbo", "device": "cuda", "compute_type": "float16", "batch": 16},
        },
        "cues": {"backend": "voice", "options": {"own_encoder": True, "device": "cuda"}},
        "appraiser": {"backend": "small"},
        "llm": {"backend": "openai", "options": {"base_url": "http://127.0.0.1:8000/v1", "prefill": "vllm"}},
        "tts": {"backend": "kokoro", "options": {"device": "cuda"}},
        "embedder": {"backend": "minilm"},
        "duplex": {"prompt_form": "full"},
    },
    "cluster": {
        "vad": {"backend": "silero"},
        "turn": {"backend": "smart_turn"},
        **{kind: {"backend": "ray"} for kind in ("asr", "cues", "appraiser", "tts", "embedder")},
        "llm": {"backend": "openai", "options": {"base_url": "http://127.0.0.1:8000/v1", "prefill": "vllm"}},
        "duplex": {"prompt_form": "full"},
    },
    "scripted": {
        kind: {"backend": "scripted"} for kind in ("vad", "turn", "asr", "cues", "appraiser", "llm", "tts", "embedder")
    },
}
"""What a profile sets where nothing else does. "gpu" is for one CUDA device; "cluster" asks the stages of `affetto
cluster up`; both ask a language model by its URL (vLLM). "scripted" has no models: for tests and load runs."""

SECTIONS = ("vad", "turn", "asr", "cues", "appraiser", "llm", "tts", "embedder")


class Settings(BaseSettings):
    """Effective settings; see each section."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix="AFFETTO_", env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    profile: ProfileName = "embedded"
    """Which models: embedded (CPU, no hub), gpu, cluster (stages on Ray), or scripted (none, for tests)."""
    models_dir: Path | None = None
    """Folder of pulled weights; default is $AFFETTO_MODELS or the cache folder."""
    server: ServerSection = ServerSection()
    duplex: DuplexSection = DuplexSection()
    voice: VoiceSection = VoiceSection()
    vad: BackendSection = BackendSection(backend="silero")
    turn: BackendSection = BackendSection(backend="smart_turn")
    asr: BackendSection = BackendSection(backend="faster_whisper")
    cues: BackendSection = BackendSection(backend="voice")
    appraiser: BackendSection = BackendSection(backend="small")
    llm: BackendSection = BackendSection(backend="llama")
    tts: BackendSection = BackendSection(backend="kokoro")
    embedder: BackendSection = BackendSection(backend="minilm")
    memory: MemorySection = MemorySection()
    observe: ObserveSection = ObserveSection()
    handover: HandoverSection = HandoverSection()
    cluster: ClusterSection = ClusterSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings


def load(path: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Read the file, the environment and the overrides ({"server.port": 1, ...}) into settings.

    Raises:
        BadSettings: the file cannot be read or a setting is wrong; the message says which.
    """
    try:
        merged: dict[str, Any] = {}
        for _, layer in layers(path, overrides):
            merged = _merge(merged, layer)
        return Settings(**merged)
    except ValidationError as error:
        wrong = "\n".join(f"  {_told(e)}" for e in error.errors())
        where = f" ({path})" if path else ""
        raise BadSettings(f"settings are wrong{where}:\n{wrong}") from None


def layers(path: Path | None = None, overrides: dict[str, Any] | None = None) -> list[tuple[str, dict[str, Any]]]:
    """What each source sets, named, weakest first; what none sets has its default. Raises BadSettings."""
    file = _read(path) if path is not None else {}
    environment, given = _environment(), _nested(overrides or {})
    merged = _merge(_merge(file, environment), given)
    name = merged.get("profile", "embedded")
    profile = PROFILES.get(name, {}) if isinstance(name, str) else {}
    sources = [(f"profile {name}", _undefaulted(profile, merged)), (str(path), file)]
    return [*sources, ("environment", environment), ("command line", given)]


def _told(error: ErrorDetails) -> str:
    """What is wrong with one setting."""
    *parents, last = map(str, error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{'.'.join([*parents, last])}: {error['msg']}"
    section: Any = Settings
    for parent in parents:
        section = section.model_fields[parent].annotation
    near = difflib.get_close_matches(last, section.model_fields, 1)
    told = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(section.model_fields)}"
    return f"{'.'.join([*parents, last])}: there is no such setting; {told}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise BadSettings(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path} is not valid TOML: {error}") from None


def _environment() -> dict[str, Any]:
    """What the environment sets, nested as in the file."""
    from pydantic_settings import EnvSettingsSource, SettingsError

    try:
        return dict(EnvSettingsSource(Settings)())
    except SettingsError as error:
        raise BadSettings(f"environment: {error} (lists and tables are written as JSON)") from None


def _undefaulted(profile: dict[str, dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """The profile's choices, less the options of a backend that was chosen otherwise."""
    kept = {}
    for kind, section in profile.items():
        backend = section.get("backend")
        other = given.get(kind, {}).get("backend", backend) if isinstance(given.get(kind), dict) else None
        kept[kind] = section if other in (None, backend) else {}
    return kept


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for dotted, value in flat.items():
        *parents, last = dotted.split(".")
        here = nested
        for parent in parents:
            here = here.setdefault(parent, {})
            if not isinstance(here, dict):
                raise BadSettings(f"{dotted}: {parent} is set as a whole as well; set one or the other")
        here[last] = value
    return nested


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged

"""Settings: from which source they come, and how the wrong ones are told."""

from __future__ import annotations

import inspect
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from affetto.models import registry
from affetto.pipelines.duplex.policy import DuplexPolicy
from affetto.server import assembly, serving
from affetto.server import settings as module
from affetto.server.settings import BadSettings, load

SECTIONS = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, BaseModel)]


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    file = tmp_path / "affetto.toml"
    file.write_text(
        'profile = "scripted"\n'
        "[server]\nport = 1\nhost = '0.0.0.0'\nsessions = 5\n"
        '[tts]\nbackend = "scripted"\noptions = { word_s = 0.5 }\n'
    )
    return file


def test_the_strongest_source_wins_and_the_others_still_count(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFETTO_SERVER__PORT", "2")
    monkeypatch.setenv("AFFETTO_SERVER__SESSIONS", "6")
    settings = load(toml, {"server.port": 3})
    assert (settings.server.port, settings.server.sessions, settings.server.host) == (3, 6, "0.0.0.0")
    assert settings.tts.options == {"word_s": 0.5}
    assert settings.vad.backend == "scripted"


def test_the_default_is_the_embedded_profile() -> None:
    settings = load()
    assert settings.profile == "embedded"
    assert {settings.vad.backend, settings.asr.backend, settings.llm.backend} == {"silero", "faster_whisper", "llama"}


def test_keys_come_from_the_environment_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFETTO_SERVER__API_KEYS", '["sk-secret"]')
    settings = load(None, {"profile": "scripted"})
    assert settings.server.api_keys[0].get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"server.prot": 1}, "server.prot.*did you mean 'port'"),
        ({"server.port": "http"}, "server.port.*integer"),
        ({"server.port": 70_000}, "server.port.*65535"),
        ({"profile": "huge"}, "profile.*'embedded'"),
        ({"speech": {}}, "speech"),
        ({"duplex.lead_ms": 1}, "duplex.lead_ms.*20"),
    ],
)
def test_wrong_settings_are_told_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSettings, match=message):
        load(None, given)


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"cannot read .*nowhere.toml"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("[server\n")
    with pytest.raises(BadSettings, match="not valid TOML"):
        load(tmp_path / "bad.toml")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_field_has_its_docstring(section: type[BaseModel]) -> None:
    lines = inspect.getsource(section).splitlines()
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        if name not in section.__annotations__:
            continue
        at = next(i for i, line in enumerate(lines) if line.startswith(f"    {name}: "))
        assert '"""' in lines[at + 1], f"{section.__name__}.{name} is not explained"


LIVELY = {"voice.persona.extraversion": 0.9}


def test_every_choice_of_the_duplex_core_can_be_set() -> None:
    settings = load(None, {"duplex.lead_ms": 300, "duplex.speculate": False, "voice.region": "DE", **LIVELY})
    policy = assembly.policy(settings)
    assert (policy.lead_s, policy.speculate, policy.region) == (0.3, False, "DE")
    assert policy.persona.extraversion == 0.9
    settable = {"lead_s" if name == "lead_ms" else name for name in type(settings.duplex).model_fields}
    assert settable | {"region", "persona"} == {field.name for field in fields(DuplexPolicy)}


def test_a_port_in_use_says_so() -> None:
    with serving.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(serving.PortInUse, match=f"port {port} on 127.0.0.1 is in use"):
            serving.listen("127.0.0.1", port)
    with pytest.raises(serving.PortInUse, match="cannot listen on 203"):
        serving.listen("203.0.113.1", 1)


@pytest.mark.parametrize("profile", ["gpu", "cluster"])
def test_the_profiles_beyond_one_small_machine_are_whole(profile: str) -> None:
    """Their options are those of backends there are; where Ray is missing, its backends cannot be asked."""
    settings = load(None, {"profile": profile})
    assert settings.llm.backend == "openai"
    assert settings.duplex.prompt_form == "full"
    for kind in module.SECTIONS:
        section = getattr(settings, kind)
        if section.backend != "ray":
            registry.options_of(kind, section.backend).model_validate(section.options)


def test_a_profile_gives_way_to_what_is_chosen() -> None:
    settings = load(None, {"profile": "gpu", "tts.backend": "piper", "duplex.prompt_form": "adapter"})
    assert settings.tts.options == {}
    assert settings.duplex.prompt_form == "adapter"


def test_a_server_that_still_starts_refuses_calls() -> None:
    """A proxy then tries another one; a call that is taken and not answered would hang."""
    with serving.listen("127.0.0.1", 0) as bound, pytest.raises(ConnectionRefusedError):
        socket.create_connection(bound.getsockname())

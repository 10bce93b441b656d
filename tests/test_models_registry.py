"""Backends by name: every one there is, and errors that say what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, ConfigDict

from affetto.models.errors import Unavailable
from affetto.models.registry import BACKENDS, BadBackend, _import, create
from affetto.models.store import Store


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in BACKENDS.items() for name in names])
def test_every_name_stands_for_a_class_with_options_that_explain_themselves(kind: str, name: str) -> None:
    module_name, _, attribute = BACKENDS[kind][name].partition(":")
    try:
        module = _import(kind, name, module_name)
    except Unavailable as missing:
        pytest.skip(str(missing))
    assert isinstance(getattr(module, attribute), type)
    options = module.Options
    assert options.model_config["extra"] == "forbid"
    lines = Path(module.__file__ or "").read_text().splitlines()
    for field in options.__annotations__:
        if field == "model_config":
            continue
        at = next(i for i, line in enumerate(lines) if line.startswith(f"    {field}: "))
        assert any('"""' in line for line in lines[at + 1 : at + 4]), f"{kind} {name}: {field} has no docstring"


@pytest.mark.parametrize("kind", list(BACKENDS))
def test_every_kind_has_a_scripted_twin_that_needs_nothing(kind: str, empty: Store) -> None:
    assert create(kind, "scripted", {}, empty) is not None


def test_an_unknown_name_lists_the_choices(empty: Store) -> None:
    with pytest.raises(BadBackend, match=r"tts.backend = 'festival' .*kokoro.*scripted.*package.module:Class"):
        create("tts", "festival", {}, empty)


def test_a_wrong_option_names_itself_and_lists_the_right_ones(empty: Store) -> None:
    with pytest.raises(BadBackend) as wrong:
        create("tts", "scripted", {"word_s": "long", "volume": 3}, empty)
    message = str(wrong.value)
    assert "tts.options for 'scripted'" in message
    assert "word_s" in message
    assert "volume" in message
    assert "known options: pitch_hz, word_s, words_a_piece" in message


@pytest.mark.parametrize(
    ("kind", "name", "asset"),
    [
        ("vad", "silero", "silero-vad"),
        ("asr", "faster_whisper", "whisper-base"),
        ("appraiser", "small", "minilm"),
        ("llm", "llama", "qwen2.5-coder-1.5b"),
    ],
)
def test_missing_weights_name_the_command_that_fetches_them(kind: str, name: str, asset: str, empty: Store) -> None:
    with pytest.raises(Unavailable, match=f"affetto pull {asset}"):
        create(kind, name, {}, empty)


def test_a_missing_package_names_the_extra(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS["tts"], "coqui", ".tts.coqui_probe:Coqui")
    finder = _Missing("affetto.models.tts.coqui_probe", "TTS")
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    with pytest.raises(Unavailable, match=r"needs TTS: pip install 'affetto\[coqui\]'"):
        create("tts", "coqui", {}, empty)


class _Missing:
    """Importing `module` fails for want of `package`."""

    def __init__(self, module: str, package: str) -> None:
        self._module, self._package = module, package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self._module:
            raise ModuleNotFoundError(f"No module named {self._package!r}", name=self._package)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    greeting: str = "hello"
    """What it says."""


class Own:
    def __init__(self, options: Options, store: Store) -> None:
        self.options = options


def test_a_dotted_path_brings_a_backend_from_outside(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("somebodys_backend")
    module.Options, module.Own = Options, Own  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys_backend", module)
    assert create("tts", "somebodys_backend:Own", {"greeting": "ciao"}, empty).options.greeting == "ciao"
    with pytest.raises(BadBackend, match="has no 'Other'"):
        create("tts", "somebodys_backend:Other", {}, empty)
    with pytest.raises(Unavailable, match="cannot be imported"):
        create("tts", "nobodys_backend:Own", {}, empty)

"""The command line: what it prints, what it gives back, and that it says what is wrong in a sentence."""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import soundfile

from affetto.clients import errors as client_errors
from affetto.clients.cli.demo import RECORDING
from affetto.clients.server_process import running_server
from affetto.models import errors as model_errors
from affetto.server.__main__ import COMMANDS, main, whole
from affetto.server.cli import outcome
from affetto.server.settings import load


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of scripted models, in a process of its own."""
    with running_server(["--profile", "scripted"], patience_s=60, quiet=True) as server:
        yield server.url


def run(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(*arguments)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


# -- help and errors -------------------------------------------------------------------------------


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("--help",), ("help",)):
        status, printed, _ = ran(capsys, *arguments)
        assert status == outcome.OK
        assert all(f"  {name} " in printed for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = ran(capsys, name, "--help")

    assert status == outcome.OK
    assert f"affetto {name}" in printed.partition("examples:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_help_parse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(COMMANDS[name][0])
    monkeypatch.setattr(module, "run", lambda args: 0)
    text = re.sub(r"\\\n *", " ", module.__doc__ or "")
    examples = re.findall(rf"^  (?:\S+=\S+ )?affetto {name}\b(.*)$", text, re.MULTILINE)

    assert examples
    for example in examples:
        command = re.split(r"\s{3,}| [<>]", example.rstrip())[0].replace("...", "x")
        assert run(name, *shlex.split(command)) == outcome.OK, example


def test_help_comes_at_once() -> None:
    took = []
    for _ in range(3):
        began = time.process_time()
        child = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "affetto.server"], capture_output=True, text=True
        )
        took.append(time.process_time() - began)
    assert "commands:" in child.stdout
    heavy = [name for name in ("numpy", "pydantic", "fastapi", "rich", "onnxruntime") if f" {name}\n" in child.stderr]
    assert heavy == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "--version")[1] == f"affetto {_version()}\n"
    assert json.loads(ran(capsys, "version", "--json")[1])["affetto"] == _version()


def _version() -> str:
    import affetto

    return affetto.__version__


def test_an_unknown_command_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, told = ran(capsys, "sing")

    assert status == outcome.USAGE
    assert "'sing'" in told
    assert "demo, serve" in told


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["serv"], "did you mean 'serve'?\nsee: affetto --help"),
        (["serve", "--prot", "9"], "did you mean '--port'?\nsee: affetto serve --help"),
        (["keys", "list", "--fil=x"], "did you mean '--file'?\nsee: affetto keys --help"),
        (["say", "x.wav", "--frobnicate"], "--frobnicate\nsee: affetto say --help"),
        (["say", "x.wav", "--js"], "did you mean '--json'?\nsee: affetto say --help"),
    ],
)
def test_what_is_not_known_brings_a_hint(arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, told = ran(capsys, *arguments)

    assert status == outcome.USAGE
    assert printed == ""
    assert told.rstrip().endswith(hint)


def parts(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parts(inner)


def leaves() -> list[argparse.ArgumentParser]:
    """The parsers of all commands, and of the parts of those that have parts."""
    return [parser for parser in parts(whole()) if parser._subparsers is None]


def test_every_command_gives_json() -> None:
    plain = [parser.prog for parser in leaves() if "--json" not in parser._option_string_actions]
    assert plain == ["affetto completion"], "which prints a program"


def test_a_flag_is_the_same_in_every_command() -> None:
    shared = ("--json", "--config", "--profile", "--set", "--models-dir", "--url", "--key", "--host", "--port")
    for flag in shared:
        found = {
            (type(action).__name__, str(action.metavar), action.type)
            for parser in leaves()
            if (action := parser._option_string_actions.get(flag)) is not None
        }
        assert len(found) == 1, (flag, found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = ran(capsys, "completion", shell)

    assert status == outcome.OK
    assert all(name in printed for name in COMMANDS)
    assert "models-dir" in printed


@pytest.mark.parametrize(("typed", "meant"), [("affetto se", "serve"), ("affetto serve --por", "--port --port-file")])
def test_bash_completes(typed: str, meant: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = tmp_path / "affetto.bash"
    script.write_text(ran(capsys, "completion", "bash")[1])
    asked = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(typed.split()) - 1}; _shtab_affetto affetto; "
    done = subprocess.run(["bash", "-c", asked + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True)

    assert done.stdout.split() == meant.split()


def test_progress_is_shown_at_a_terminal_only(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran(capsys, "pull", "--verify", "tiny", "--models-dir", str(tmp_path))[2] == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    assert "reading the weights" in ran(capsys, "pull", "--verify", "tiny", "--models-dir", str(tmp_path))[2]


def test_the_statuses_are_written_down() -> None:
    page = (Path(__file__).parents[1] / "docs" / "cli.md").read_text()
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert told == {outcome.OK, outcome.FAILED, outcome.USAGE, outcome.MISSING, outcome.INTERRUPTED}
    assert [name for name in COMMANDS if f"`{name}`" not in page] == []


def test_every_status_belongs_to_an_exception() -> None:
    from affetto.models import registry
    from affetto.models.store import manifest, pull
    from affetto.pipelines.evaluation import cues
    from affetto.pipelines.training import corpus, cues_data, goemotions
    from affetto.server import serving, settings, workers
    from affetto.server.cli import config

    modules = (
        model_errors,
        client_errors,
        corpus,
        cues,
        cues_data,
        goemotions,
        registry,
        pull,
        manifest,
        serving,
        workers,
        settings,
        config,
    )
    known = {name for module in modules for name in vars(module)}

    assert set(outcome.STATUSES) <= known


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (model_errors.Unavailable("pull it"), outcome.MISSING),
        (model_errors.Overloaded("full"), outcome.FAILED),
        (client_errors.CannotConnect("start one"), outcome.MISSING),
        (client_errors.ServerDied("port taken", outcome.MISSING), outcome.MISSING),
        (ExceptionGroup("tasks", [client_errors.CallEnded("over")]), outcome.FAILED),
        (TimeoutError(), outcome.FAILED),
    ],
)
def test_expected_errors_are_a_sentence(error: Exception, status: int) -> None:
    message, given = outcome.explain(error)

    assert given == status
    assert message


def test_our_own_mistakes_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        outcome.explain(ZeroDivisionError())


def test_nobody_to_call(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, _, told = ran(capsys, "chat", "--message", "hello", "--url", f"ws://127.0.0.1:{port}")

    assert status == outcome.MISSING
    assert "start one with `affetto serve`" in told


def test_a_port_in_use_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, told = ran(capsys, "serve", "--profile", "scripted", "--port", str(taken.getsockname()[1]))

    assert status == outcome.MISSING
    assert "in use" in told
    assert "--port" in told


def test_talking_without_a_sound_device(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, told = ran(capsys, "talk")

    assert status == outcome.MISSING
    assert re.search("affetto say FILE.wav|affetto\\[microphone\\]|libportaudio2", told)


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "server.prt=1"], "did you mean 'port'"),
        (["--set", "nonsense"], "KEY=VALUE"),
        (["--set", "server.port=high"], "server.port"),
        (["--set", "tts.backend=parrot"], "choose one of"),
        (["--config", "missing.toml"], "cannot read missing.toml"),
    ],
)
def test_wrong_settings(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, told = ran(capsys, "config", *arguments)

    assert status == outcome.USAGE
    assert message in told


def test_a_wrong_environment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFETTO_SERVER__API_KEYS", "abc")

    status, _, told = ran(capsys, "config")

    assert status == outcome.USAGE
    assert "written as JSON" in told


def test_config_says_where_each_setting_comes_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[server]\nport = 1\nidle_s = 5\n")
    monkeypatch.setenv("AFFETTO_SERVER__PORT", "2")

    status, printed, _ = ran(capsys, "config", "--config", str(file), "--set", "tts.options.threads=1")

    assert status == outcome.OK
    assert "port = 2  # environment" in printed
    assert f"idle_s = 5.0  # {file}" in printed
    assert "threads = 1  # command line" in printed
    assert 'backend = "silero"  # profile embedded' in printed
    tomllib.loads(printed)


def test_config_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(ran(capsys, "config", "--json", "--set", "server.port=7")[1])

    assert record["settings"]["server"]["port"] == 7
    assert record["sources"]["server.port"] == "command line"


def test_config_writes_a_file_that_means_the_same_and_holds_no_keys(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "a.toml"
    chosen = ["--set", "server.port=7", "--set", "tts.options.threads=1", "--set", 'voice.instructions="Say \\"hi\\"."']

    assert run("config", "--write", str(file), *chosen, "--set", 'server.api_keys=["sesame"]') == outcome.OK

    capsys.readouterr()
    text = file.read_text()
    settings = load(file)
    assert "sesame" not in text
    assert (settings.server.port, settings.tts.options, settings.server.api_keys) == (7, {"threads": 1}, [])
    assert settings.voice.instructions == 'Say "hi".'
    assert "# Port to listen on" in text
    assert '# backend = "kokoro"' in text


def test_config_does_not_write_over_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("mine")

    status, _, told = ran(capsys, "config", "--write", str(file))

    assert (status, file.read_text()) == (outcome.USAGE, "mine")
    assert "--force" in told
    assert run("config", "--write", str(file), "--force") == outcome.OK


def test_every_default_in_a_written_file_can_be_taken_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    run("config", "--write", str(file))
    taken = "\n".join(re.sub(r"^# (\w+ = )", r"\1", line) for line in file.read_text().splitlines())
    file.write_text(taken)

    assert load(file).server == load().server


# -- a whole exchange with a server ----------------------------------------------------------------


def test_chat_once(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = ran(capsys, "chat", "--url", url, "--message", "My dog died.")

    assert status == outcome.OK
    assert printed.strip()


def test_chat_as_json_a_line_a_message(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("My dog died.\n\nI passed!\n"))

    status, printed, _ = ran(capsys, "chat", "--url", url, "--json")

    answers = [json.loads(line) for line in printed.splitlines()]
    assert status == outcome.OK
    assert [answer["heard"] for answer in answers] == ["My dog died.", "I passed!"]
    assert [answer["appraisal"]["emotion"] for answer in answers] == ["grieving", "proud"]
    assert all(answer["status"] == "completed" and answer["reply"] for answer in answers)


@pytest.mark.parametrize("pace", [[], ["--fast"]], ids=["real time", "fast"])
def test_say(pace: list[str], url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "reply.wav"

    status, printed, _ = ran(capsys, "say", str(RECORDING), "--url", url, "--out", str(out), "--json", *pace)

    turn = json.loads(printed)
    assert status == outcome.OK
    assert turn["heard"] == "I had a long day."
    assert turn["status"] == "completed"
    assert turn["saved"] == str(out)
    assert soundfile.info(out).duration == pytest.approx(turn["audio_s"], abs=0.01)
    assert turn["client_ms"]["first_sound"] < 3000


def test_say_shows_a_turn_to_a_person(url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "reply.flac"

    status, printed, _ = ran(capsys, "say", str(RECORDING), "--url", url, "--out", str(out), "--fast")

    assert status == outcome.OK
    for part in ("heard", "I had a long day.", "reply", "milliseconds", "saved"):
        assert part in printed


def test_say_of_what_is_no_audio(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, told = ran(capsys, "say", str(tmp_path / "missing.wav"))

    assert status == outcome.USAGE
    assert "there is no such file" in told


def test_demo(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = run("demo", "--profile", "scripted", "--out", str(tmp_path / "out"))

    assert status == outcome.OK
    assert "I had a long day." in capfd.readouterr().out
    record = json.loads((tmp_path / "out" / "turn.json").read_text())
    assert record["status"] == "completed"
    assert soundfile.info(tmp_path / "out" / "reply.wav").duration > 1


def test_demo_says_why_its_server_did_not_start(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = run("demo", "--set", "server.prt=1", "--out", str(tmp_path))

    assert status == outcome.USAGE
    assert "did you mean 'port'" in capfd.readouterr().err


def test_own_options_reach_the_own_server() -> None:
    from affetto.clients.cli import options

    parser = argparse.ArgumentParser()
    options.add_own_server(parser)
    given: Any = parser.parse_args(["--profile", "scripted", "--set", "a=1", "--set", "b=2"])

    assert options.own_server(given) == ["--profile", "scripted", "--set", "a=1", "--set", "b=2"]

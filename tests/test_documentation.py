"""What the README shows works as it stands there: its programs, its commands, its settings, its links."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from affetto.server.__main__ import COMMANDS, main, whole
from affetto.server.cli.options import _pair
from affetto.server.settings import load
from live import Live, running

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
URL = "ws://127.0.0.1:8600"
NODE = shutil.which("node")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running() as server:
        yield server


def test_the_python_program(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    program = block("python").replace(URL, f"ws://127.0.0.1:{live.port}")
    assert len([line for line in program.split("async def main():")[1].splitlines() if line.strip()]) <= 5
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert len(capsys.readouterr().out.split()) >= 2


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_javascript_program(live: Live, tmp_path: Path) -> None:
    program = tmp_path / "program.mjs"
    program.write_text(block("js").replace(URL, f"ws://127.0.0.1:{live.port}"))
    assert len(block("js").splitlines()) <= 5
    done = subprocess.run([str(NODE), "--experimental-websocket", program], capture_output=True, text=True, timeout=60)
    assert len(done.stdout.split()) >= 2, done.stderr


def commands(page: Path) -> list[str]:
    """Every `affetto ...` of a page, in spans and in indented blocks."""
    text = page.read_text()
    spans = re.findall(r"`(?:\.venv/bin/)?(affetto [a-z][^`]*)`", text)
    lines = re.findall(r"^ {4}(?:\S*/bin/)?(affetto [a-z].*?)(?:  +#.*)?$", text, re.MULTILINE)
    return spans + lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_and_settings_are_known(page: Path) -> None:
    for command in commands(page):
        name, *arguments = shlex.split(command.replace("\\\n", " "))[1:]
        assert name in COMMANDS, command
        if any(word.startswith("-") for word in arguments):  # without any, the text speaks of the command as such
            parsed(command, name, arguments)
        sets = [arguments[at + 1] for at, word in enumerate(arguments) if word == "--set" and at + 1 < len(arguments)]
        load(overrides=dict(map(_pair, sets)))


def parsed(command: str, name: str, arguments: list[str]) -> None:
    """The command line takes it as it stands there."""
    plain = [word.replace("...", "x") for word in arguments]
    plain = plain[: next((at for at, word in enumerate(plain) if word in (">", "<", "|")), None)]
    try:
        whole().parse_args([name, *plain])
    except SystemExit as stop:
        raise AssertionError(f"{command} is not understood") from stop


OFFLINE = re.compile(r"affetto (completion (bash|zsh|fish)|config|pull --list|version)$")


def test_commands_that_need_nothing_do_what_the_pages_say(capsys: pytest.CaptureFixture[str]) -> None:
    found = {command.partition(" > ")[0] for page in PAGES for command in commands(page)}
    runnable = sorted(filter(OFFLINE.match, found))
    assert len(runnable) >= 5
    for command in runnable:
        assert main(shlex.split(command)[1:]) == 0, command
    assert capsys.readouterr().out


def test_every_page_is_in_the_index_and_the_index_in_the_readme() -> None:
    index = (REPOSITORY / "docs" / "README.md").read_text()
    linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", index))
    assert linked == {page.name for page in PAGES} - {"README.md"}
    assert "(docs/README.md)" in README


def test_the_backend_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (REPOSITORY / "docs" / "backends.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "my_models.py").write_text(found.group(1))
    monkeypatch.syspath_prepend(tmp_path)
    (command,) = commands(REPOSITORY / "docs" / "backends.md")
    backend, option = [pair.partition("=")[2] for pair in shlex.split(command) if "=" in pair]
    with running(llm__backend=backend, llm__options__before=option) as live, live.call() as wire:
        content = wire.text_turn("I lost my keys.")["response"]["output"][0]["content"][0]
        assert content["text"].startswith("I hear:")


def test_settings_of_the_table_are_known() -> None:
    rows = re.findall(r"^\| .* \| (.*--set.*) \|$", README, re.MULTILINE)
    assert len(rows) >= 4
    for row in rows:
        load(overrides=dict(map(_pair, re.findall(r"--set (\S+?)`?(?:\s|$)", row))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", README, re.MULTILINE)) <= targets

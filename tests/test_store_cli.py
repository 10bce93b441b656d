"""`affetto pull`: what it prints, and its exit statuses."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from affetto.models.store import Store
from affetto.models.store.events import Checking, Progressed, SourceLost, Waiting
from affetto.models.store.plan import PullFailed
from affetto.models.store.seals import seal
from affetto.server.__main__ import main
from affetto.server.cli.weights import Lines


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store that has one asset, sealed (the seal stands for a hash that was read)."""
    store = Store(tmp_path)
    (file,) = store.manifest.assets["silero-vad"].files
    folder = tmp_path / "silero-vad"
    folder.mkdir()
    (folder / file.name).write_bytes(bytes(file.size))
    seal(folder / file.name, file)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main(["pull", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_list_says_what_is_there(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, "--list", "--json", "--models-dir", root)
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    assert [name for name, row in rows.items() if row["pulled"]] == ["silero-vad"]
    assert rows["whisper-base"]["licence"] == "MIT"
    assert "Apache-2.0" in told(capsys, "--list", "--models-dir", root)[1]


def test_verifying_reads_the_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, "--verify", "silero-vad", "--models-dir", root)
    assert status == 1
    assert "missing or changed: run affetto pull silero-vad" in out


def test_what_is_there_is_not_fetched(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = told(capsys, "silero-vad", "--models-dir", root)
    assert (status, err) == (0, "")
    assert "everything is there already" in out


def test_an_unknown_name_is_wrong_usage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = told(capsys, "gpt", "--models-dir", root)
    assert status == 2
    assert "no weights called 'gpt'; choose from all, embedded" in err


def test_a_failed_pull_is_a_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Store, names: Sequence[str], **options: object) -> tuple[str, ...]:
        raise PullFailed("no network")

    monkeypatch.setattr(Store, "pull", fail)
    status, _, err = told(capsys, "kokoro", "--models-dir", root)
    assert status == 3
    assert "affetto pull: no network" in err


def test_elsewhere_than_on_a_terminal_progress_is_a_few_plain_lines() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    for done in range(101):
        lines(Progressed("large.bin", done * 2**20, 100 * 2**20))
        lines(Progressed("small.bin", done * 2**10, 100 * 2**10))
    lines(Waiting(Path("models")))
    lines(Checking("large.bin", 100 * 2**20))
    lines(SourceLost("large.bin", "model hub: gone"))
    printed = out.getvalue().splitlines()
    assert [line for line in printed if "small" in line] == ["  small.bin: 100% of 0.1 MiB"]
    assert len([line for line in printed if "large.bin: " in line and "% of" in line]) == 11
    assert "another process pulls into models: waiting until it is done" in printed[-3]
    assert printed[-2:] == ["  large.bin: checking what is there (100 MiB)", "  large.bin: model hub: gone"]

"""`affetto doctor`: what is missing is named with its cure, and one broken stage hides no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affetto.server.__main__ import main
from affetto.server.cli.doctor import advice
from affetto.server.cli.outcome import MISSING, OK
from affetto.server.settings import load


def record(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    status = main(["doctor", "--offline", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_the_scripted_profile_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = record(capsys, "--profile", "scripted")
    assert status == OK
    assert found["ok"] is True
    stages = found["speed"]
    assert isinstance(stages, dict)
    assert set(stages) == {"vad", "turn", "asr", "cues", "llm", "tts", "appraiser", "embedder"}
    assert not any("error" in stage for stage in stages.values())


def test_missing_weights_name_the_command_that_fetches_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = record(capsys, "--no-speed", "--models-dir", str(tmp_path))
    assert status == MISSING
    checks = found["checks"]
    assert isinstance(checks, list)
    mends = {check["name"]: check["mend"] for check in checks if not check["good"] and check["needed"]}
    assert mends["weights kokoro"] == "affetto pull kokoro"
    assert all(mend.startswith("affetto pull ") for mend in mends.values())


def test_a_broken_stage_says_so_and_the_others_are_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("--profile", "scripted", "--set", "tts.backend=kokoro", "--models-dir", str(tmp_path))
    status, found = record(capsys, *arguments)
    assert status == MISSING
    stages = found["speed"]
    assert isinstance(stages, dict)
    assert "affetto pull kokoro" in stages["tts"]["error"]
    assert stages["asr"]["ms"] >= 0


def test_shown_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--offline", "--profile", "scripted"]) == OK
    assert "all that these settings need is here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"llm": {"tokens_per_s": 3.0}}, "take a smaller one"),
        ({"llm": {"tokens_per_s": 60.0}}, "room for a bigger model"),
        ({"tts": {"rtf": 0.9}}, "will stutter"),
        ({"llm": {"tokens_per_s": 15.0}, "tts": {"rtf": 0.3}}, None),
        ({"llm": {"error": "gone"}}, None),
    ],
)
def test_advice_follows_the_figures(figures: dict[str, dict[str, float]], told: str | None) -> None:
    found = advice(load(), figures)
    assert found == [] if told is None else told in " ".join(found)

"""How echoes are measured, on voices of noise: ours differ from people's, and an echo is ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from noises import voice

from affetto.models.base import HEARING_RATE_HZ
from affetto.pipelines.evaluation import echo
from affetto.server.__main__ import main

OURS = [voice(seed, 3, HEARING_RATE_HZ) for seed in range(4)]
PEOPLE = [voice(seed, 3, HEARING_RATE_HZ) for seed in range(10, 14)]


def test_people_are_not_taken_for_us_and_echoes_are() -> None:
    found = echo.evaluate(echo.Stage(OURS, PEOPLE), trials=10)
    assert found["people_taken_during"] <= 0.1
    assert found["people_taken_with"] <= 0.1
    assert found["echoes_known_during"]["ever"] >= 0.9
    assert echo.evaluate(echo.Stage(OURS, PEOPLE), trials=10) == found, "the same each time"


def test_a_person_who_is_our_echo_is_taken_for_one() -> None:
    found = echo.evaluate(echo.Stage([OURS[0]] * 2, [OURS[0]]), trials=10)
    assert found["people_taken_with"] >= 0.3


def test_a_room_that_lets_nothing_come_back_gives_no_echo() -> None:
    silent = np.zeros(100, np.float32)
    found = echo.evaluate(echo.Stage(OURS, PEOPLE, [silent]), trials=10)
    assert found["echoes_known_with"]["ever"] == 0.0


@pytest.mark.models
def test_the_command_measures_the_real_voice(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo, "TRIALS", 5)
    assert main(["eval", "echo", "--limit", "2"]) == 0
    assert "taken for our echo" in capsys.readouterr().out
    (tmp_path / "room.wav").write_text("no sound")
    assert main(["eval", "echo", "--root", str(tmp_path)]) == 2
    assert "room.wav" in capsys.readouterr().err

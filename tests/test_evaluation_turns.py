"""How turn-taking is measured: cases made of events and sentences, and what counts as a cut and as a delay."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affetto.models.base import HEARING_RATE_HZ, Samples
from affetto.models.turn.scripted import Options as TurnOptions
from affetto.models.turn.scripted import ScriptedTurn
from affetto.models.vad.scripted import Options as VADOptions
from affetto.models.vad.scripted import ScriptedVAD
from affetto.pipelines.duplex.config import ServerVad
from affetto.pipelines.evaluation import turns, turns_cases
from affetto.server.__main__ import main

STORE: object = None


def sound(*stretches: tuple[float, bool]) -> Samples:
    """Noise and silence."""
    rng = np.random.default_rng(1)
    parts = [rng.normal(0, 0.1 if loud else 1e-4, round(s * HEARING_RATE_HZ)) for s, loud in stretches]
    return np.asarray(np.concatenate(parts), np.float32)


def ears(completion: float) -> turns.Ears:
    return turns.Ears(ScriptedVAD(VADOptions(), STORE), ScriptedTurn(TurnOptions(completion=completion), STORE))  # type: ignore[arg-type]


def case(*stretches: tuple[float, bool], end_s: float) -> turns.Case:
    return turns.Case("case", sound(*stretches), end_s, end_s)


def measured(heard: turns.Case, completion: float, silence_ms: int = 500) -> dict[str, object]:
    detection = ServerVad(silence_duration_ms=silence_ms)
    return asyncio.run(turns.evaluate(ears(completion), [heard], detection))


def test_a_pause_longer_than_the_wait_is_a_cut_and_a_shorter_one_is_none() -> None:
    talk = case((0.3, False), (1, True), (0.8, False), (1, True), (0.3, False), (1, True), (4, False), end_s=4.4)
    found = measured(talk, 0.9)
    assert (found["pauses"], found["false_cuts"], found["ends"], found["missed"]) == (2, 1, 1, 0)
    assert measured(talk, 0.9, silence_ms=900)["false_cuts"] == 0


def test_the_delay_counts_from_the_true_end_and_holds_what_the_vad_waits() -> None:
    found = measured(case((0.3, False), (1, True), (4, False), end_s=1.3), 0.9)
    assert found["delay_ms"]["p50"] == pytest.approx(500, abs=70)  # type: ignore[index]
    assert found["vad_ms"]["p50"] == pytest.approx(96, abs=40)  # type: ignore[index]


def test_an_end_that_was_not_found_is_told() -> None:
    found = measured(case((0.3, False), (1, True), (0.2, False), end_s=1.3), 0.9)
    assert found["missed"] == 1
    assert found["delay_ms"] == {"p50": None, "p90": None}
    assert "never found: 1 of 1" in turns.told(found)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two speakers on a channel each: A pauses inside a turn, then B answers."""
    a = sound((0.5, False), (1, True), (0.7, False), (1, True), (2.3, False))
    b = sound((3.4, False), (1.5, True), (0.6, False))
    soundfile.write(tmp_path / "audio__talk.wav", np.stack([a, b], 1), HEARING_RATE_HZ)
    rows = [("talk", "hold_pause", "A", "1.5", "2.2", "A"), ("talk", "turn_shift", "A", "3.2", "3.4", "B")]
    with (tmp_path / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "event", "speaker", "start", "end", "other"), *rows])
    return tmp_path


def test_each_speaker_is_heard_alone_where_there_is_a_channel_each(recording: Path) -> None:
    with (recording / "events.csv").open() as file:
        rows = list(csv.DictReader(file))
    (hold,) = turns_cases.from_events(rows[:1], recording)
    (shift,) = turns_cases.from_events(rows, recording)
    assert hold.end_s is None
    assert shift.end_s == pytest.approx(3.2, abs=0.05)
    quiet = shift.audio[round(3.4 * HEARING_RATE_HZ) :]
    assert np.abs(quiet).max() < 0.01, "the other's answer is not heard"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    row = {"file": "gone", "event": "turn_shift", "speaker": "A", "start": "2", "end": "3", "other": "B"}
    with pytest.raises(turns_cases.BadData, match="gone"):
        list(turns_cases.from_events([row], tmp_path))


def test_a_pause_is_put_where_it_is_quietest() -> None:
    made = turns_cases.with_pause("s", sound((0.2, False), (1, True), (0.1, False), (1.2, True), (0.2, False)), 1.1)
    assert made is not None
    assert made.end_s == pytest.approx(0.3 + 2.3 + 1.1, abs=0.05)
    found = asyncio.run(turns.listen(ears(0.9), made, ServerVad(silence_duration_ms=2000), turns.Costs()))
    ((start, end),) = found.pauses
    assert start == pytest.approx(1.3, abs=0.08)
    assert end - start == pytest.approx(1.2, abs=0.1)
    assert turns_cases.with_pause("short", sound((1.0, True)), 1.1) is None


def test_the_command_prints_json(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = main(["eval", "turns", "--events", str(recording / "events.csv"), "--json", "--set", "profile=scripted"])
    assert told == 0
    assert '"false_cut_rate"' in capsys.readouterr().out


def test_the_command_says_what_it_wants(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "turns", "--set", "profile=scripted"]) != 0
    assert "--events CSV" in capsys.readouterr().err

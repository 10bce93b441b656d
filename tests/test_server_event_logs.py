"""Event logs of real sessions give the same decisions again, and nothing is written where nobody asked."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import pytest
from cable import cable
from test_server_resume import back, lose, resumable, shown

from affetto.pipelines.duplex import eventlog
from affetto.server.__main__ import main
from live import Live, running


def logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def hold_a_conversation(live: Live) -> None:
    """Spoken and written turns, an interruption, refusals, new settings, and a line that breaks."""
    with cable(live.port) as held, live.call() as wire:
        resumable(wire, audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}})
        wire.speak()
        wire.until("response.done")
        wire.text_turn()
        wire.write("and another thing")
        wire.send("response.create")
        wire.until("response.created")
        wire.send("response.cancel")
        wire.until("response.done")
        wire.send("conversation.item.delete", item_id="item_none")
        wire.until("error")
        with back(held.ws, shown(wire)) as second:
            second.write()
            second.send("response.create")
            second.until("response.output_audio.delta")
            lose(held, second)
        with back(live.ws, shown(second)) as third:
            third.until("response.done")


def test_a_session_over_the_wire_replays_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "logs"
    with running(server__event_logs=str(folder), tts__options__word_s=0.08) as live:
        hold_a_conversation(live)
    [path] = logs(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    kinds = {json.loads(line).get("event") for line in lines[1:]}
    assert {"VoiceStarted", "Recognized", "Commanded", "Voiced", "Played", "Drained", "Closed"} <= kinds
    assert main(["replay", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"events": len(lines) - 1, "same": True, "line": None}


def test_a_log_that_was_tampered_with_does_not_replay(tmp_path: Path) -> None:
    with running(server__event_logs=str(tmp_path)) as live, live.call() as wire:
        wire.text_turn("I lost my keys.")
        wire.text_turn("And my cat.")
    [path] = logs(tmp_path)
    lines = path.read_text().splitlines()
    worded = next(index for index, line in enumerate(lines) if '"event": "Worded"' in line)
    del lines[worded]
    divergence = eventlog.replay(lines)
    assert divergence is not None
    assert divergence.line > worded


def test_nothing_is_written_where_nobody_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running() as live, live.call() as wire:
        wire.text_turn()
    assert list(tmp_path.iterdir()) == []


def test_each_session_has_its_own(tmp_path: Path) -> None:
    with running(server__event_logs=str(tmp_path)) as live:
        for text in ("a plum", "a pear"):
            with live.call() as wire:
                wire.text_turn(text)
    first, second = (path.read_text() for path in logs(tmp_path))
    assert ("a plum" in first) != ("a plum" in second)
    assert ("a pear" in first) != ("a plum" in first)


def test_a_full_disk_ends_the_log_and_not_the_session(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way")
    with caplog.at_level(logging.ERROR), running(server__event_logs=str(folder)) as live, live.call() as wire:
        assert wire.text_turn()["response"]["status"] == "completed"
        assert wire.text_turn()["response"]["status"] == "completed"
    assert len([record for record in caplog.records if "event log" in record.getMessage()]) == 1

"""`@openai/agents-realtime` from npm, as it is: spoken and written turns, an interruption, its history."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live import RATE_HZ, running, voice

pytestmark = pytest.mark.node
HERE = Path(__file__).parent / "sdk_node"
BUILD = Path(__file__).parent.parent / "build" / "sdk_node"


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder with the installed package; installed once, outside the sources."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    BUILD.mkdir(parents=True, exist_ok=True)
    manifest = (HERE / "package.json").read_text()
    installed = BUILD / "node_modules" / "@openai" / "agents-realtime"
    if not installed.is_dir() or (BUILD / "package.json").read_text() != manifest:
        (BUILD / "package.json").write_text(manifest)
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
        install = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, timeout=300, check=False)
        if install.returncode:
            pytest.skip(f"npm install failed: {install.stderr.strip()[-300:]}")
    shutil.copy(HERE / "turns.mjs", BUILD / "turns.mjs")
    return BUILD


@pytest.fixture(scope="module")
def seen(package: Path) -> dict[str, Any]:
    """What the package saw of a whole conversation."""
    pcm = package / "speech.pcm"
    pcm.write_bytes(np.concatenate([voice(0.8), np.zeros(RATE_HZ, np.int16)]).astype("<i2").tobytes())
    with running(server__api_keys=["sk-right"], tts__options__word_s=0.1) as live:
        command = ["node", "turns.mjs", f"{live.ws}?model=gpt-realtime", "sk-right", str(pcm)]
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def transcript(response: dict[str, Any]) -> str:
    return str(response["output"][0]["content"][0]["transcript"])


def test_it_finds_nothing_to_complain_about(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    assert "error" not in seen["types"]


def test_a_spoken_turn_is_answered_aloud_with_captions(seen: dict[str, Any]) -> None:
    assert seen["spoken"]["status"] == "completed"
    assert seen["captions"].startswith(transcript(seen["spoken"]))
    assert seen["spokenAudioBytes"] == len(transcript(seen["spoken"]).split()) * int(0.1 * RATE_HZ) * 2


def test_a_written_turn_is_answered_aloud(seen: dict[str, Any]) -> None:
    assert seen["written"]["status"] == "completed"
    assert transcript(seen["written"])


def test_an_interruption_cancels_and_the_conversation_goes_on(seen: dict[str, Any]) -> None:
    assert seen["interrupted"] >= 1
    assert seen["cut"]["status"] == "cancelled"
    assert seen["cut"]["status_details"]["reason"] == "client_cancelled"
    assert seen["last"]["status"] == "completed"


def test_its_history_holds_what_both_said(seen: dict[str, Any]) -> None:
    said = [
        (item["role"], item["content"][0].get("transcript") or item["content"][0].get("text"))
        for item in seen["history"]
    ]
    assert said[0] == ("user", "I had a long day.")
    assert said[1] == ("assistant", transcript(seen["spoken"]))
    assert ("user", "I got the job!") in said
    assert [role for role, _ in said] == ["user", "assistant"] * 4


def test_its_settings_come_back_as_it_set_them(seen: dict[str, Any]) -> None:
    session = seen["session"]
    assert session["instructions"] == "Be kind."
    assert session["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe"
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True

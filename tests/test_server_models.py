"""The whole server with its real embedded models: a recorded question over the wire, a spoken answer back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from affetto.models.errors import Unavailable
from affetto.models.store import Store
from affetto.pipelines.duplex import eventlog
from live import RATE_HZ, Live, Wire, audio_of, eventually, running

pytestmark = pytest.mark.models
RECORDINGS = Path(__file__).parent / "recordings"
PATIENCE_S = 90.0
"""Two slow cores shared with other tests; what counts here is that an answer comes, not when."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps the event logs of its sessions."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def live(logs: Path) -> Iterator[Live]:
    for asset in ("silero-vad", "smart-turn", "whisper-base", "kokoro", "minilm", "qwen2.5-coder-1.5b"):
        try:
            Store().path(asset)
        except Unavailable as error:
            pytest.skip(str(error))
    with running(profile="embedded", server__event_logs=str(logs)) as server:
        yield server


def recording(path: Path) -> NDArray[np.int16]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return (soxr.resample(samples, rate_hz, RATE_HZ) * 32767).astype(np.int16)


@contextmanager
def open_microphone(wire: Wire, sound: NDArray[np.int16]) -> Iterator[None]:
    """Sends the sound, and then silence, at real time."""
    stop = threading.Event()
    piece = RATE_HZ // 10

    def send() -> None:
        at = 0
        while not stop.wait(0.1):
            part = sound[at : at + piece]
            wire.append(np.pad(part, (0, piece - len(part))))
            at += piece

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def answered(live: Live) -> Wire:
    """A call in which a recorded question was asked and answered."""
    with live.call() as wire, open_microphone(wire, recording(RECORDINGS / "7021-79740-0005.flac")):
        wire.until("response.done", timeout_s=PATIENCE_S)
    return wire


def test_a_recorded_question_is_heard_and_answered_aloud(answered: Wire) -> None:
    wire, done = answered, answered.events[-1]
    heard = next(e["transcript"] for e in wire.events if e["type"].endswith("transcription.completed"))
    said = done["response"]["output"][0]["content"][0]["transcript"]
    assert len(heard.split()) >= 3
    assert done["response"]["status"] == "completed"
    assert len(said.split()) >= 2
    assert len(audio_of(wire.events)) > RATE_HZ // 2
    assert np.abs(audio_of(wire.events)).max() > 1000
    assert done["empathy"]["timings_ms"]["first_audio"] > 0
    assert wire.errors() == []


def test_the_log_of_that_call_replays_bit_for_bit(live: Live, answered: Wire, logs: Path) -> None:
    path = logs / f"{answered.events[0]['session']['id'].removeprefix('sess_')}.log"
    eventually(lambda: live.get("/ready").json()["sessions"] == 0, "the session has not ended")
    lines = path.read_text().splitlines()
    assert {"CuesRead", "Appraised", "Voiced", "Closed"} <= {json.loads(line).get("event") for line in lines}
    assert eventlog.replay(lines) is None


def test_the_same_recording_as_a_file(live: Live, recordings: Path) -> None:
    data = (recordings / "7021-79740-0005.flac").read_bytes()
    response = live.post("/v1/audio/transcriptions", files={"file": ("question.flac", data)}, timeout=PATIENCE_S)
    assert len(response.json()["text"].split()) >= 3


def test_a_written_line_is_answered(live: Live) -> None:
    messages = [{"role": "user", "content": "My dog died last night and I can't stop crying."}]
    body = {"model": "affetto", "messages": messages}
    completion = live.post("/v1/chat/completions", json=body, timeout=PATIENCE_S).json()
    assert completion["choices"][0]["message"]["content"]
    assert completion["empathy"]

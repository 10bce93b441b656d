"""The page with the real models: a person asks aloud, is answered, interrupts, and takes back what they allowed."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from affetto.models.store import Store
from browser import Chromium, Tab, running_browser
from live import RATE_HZ, Live, running

# Playwright's driver is a Node program.
pytestmark = [pytest.mark.models, pytest.mark.browser, pytest.mark.node]
RECORDINGS = Path(__file__).parents[1] / "clients" / "recordings"
QUESTION, INTERRUPTION = RECORDINGS / "question.flac", RECORDINGS / "interruptions" / "2094-142345-0060.flac"
ASSETS = ("silero-vad", "smart-turn", "whisper-base", "kokoro", "minilm", "smollm2-135m")
PATIENCE_MS = 60_000
STEP_MS = 150
YIELD_MS = 200
SMALL = {"llm__options__model": "smollm2-135m"}
"""What counts here is that the page hears and shows it; a small model says it sooner."""


MIXER = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const context = new AudioContext({ sampleRate: 48000 });
  const mixed = context.createMediaStreamDestination();
  context.createMediaStreamSource(await ask(wanted)).connect(mixed);
  window.speak = (samples) => {
    const buffer = context.createBuffer(1, samples.length, 24000);
    buffer.copyToChannel(Float32Array.from(samples), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(mixed);
    source.start();
  };
  return mixed.stream;
};
"""
"""What the microphone hears, and what a test says into it when the time has come."""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    for asset in ASSETS:
        try:
            Store().path(asset)
        except Exception as error:  # noqa: BLE001 - whatever is missing
            pytest.skip(str(error))
    with running(profile="embedded", **SMALL) as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Its microphone asks once, within the time that this takes."""
    asked = np.concatenate([np.zeros(RATE_HZ // 2), recording(QUESTION), np.zeros(60 * RATE_HZ)])
    sound = (asked * 32767).astype(np.int16)
    with running_browser(tmp_path_factory.mktemp("chromium"), sound) as started:
        yield started


def recording(path: Path) -> NDArray[np.float32]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    sound: NDArray[np.float32] = soxr.resample(samples, rate_hz, RATE_HZ)
    return sound


def test_a_conversation_with_the_real_models(browser: Chromium, live: Live) -> None:
    loud = recording(INTERRUPTION)
    loud = loud[np.flatnonzero(np.abs(loud) > 0.05)[0] :]
    with browser.person(live, before=MIXER) as another:
        tab = another()
        tab.wait_ms = PATIENCE_MS
        tab.open()
        tab.talk()
        tab.until("document.querySelectorAll('.ours .heard').length >= 1")
        tab.page.evaluate("(samples) => window.speak(samples)", loud.tolist())
        tab.shoot("models-speaking")
        assert "splendid" in tab.said()[0]
        tab.until("window.spied.received.some(([, e]) => e.type === 'empathy.cues' && !e.partial)")
        assert any(event["partial"] for _, event in tab.received("empathy.cues"))
        assert tab.page.is_visible("#hearing-body")
        assert tab.page.inner_text("#affect-line") not in ("", "Nothing heard yet.")
        tab.until("window.spied.received.some(([, e]) => e.type === 'response.done')")
        silenced_soon(tab)
        in_step(tab)
        spoken_as_written(tab)
        comes_back(tab)
        tab.page.click("#open-privacy")
        tab.page.uncheck("#allow-acoustic")
        tab.page.click("text=Done")
        tab.until("window.spied.received.some(([, e]) => e.type === 'session.updated' && !e.session.empathy.acoustic)")
        before = len(tab.received("empathy.cues"))
        tab.page.click("#talk")
        tab.write("I finally rang my brother after six years.")
        tab.until("document.querySelectorAll('.ours:last-child .heard').length >= 1")
        assert [event for _, event in tab.received("empathy.cues")[before:] if "emotion" in event] == []
        tab.page.click("#open-privacy")
        tab.page.click("#forget")
        tab.page.click("#forget")
        assert tab.said() == []


def comes_back(tab: Tab) -> None:
    """Loaded again, the page shows what was said and heard, and is in the same session."""
    sessions, shown = tab.received("session.created"), tab.page.inner_text("#affect-line")
    tab.page.reload()
    assert "splendid" in tab.said()[0]
    assert tab.page.inner_text("#affect-line") == shown
    tab.page.click("#talk")
    tab.until("window.spied.received.some(([, e]) => e.type === 'session.created')")
    assert tab.received("session.created")[0][1]["session"]["id"] == sessions[0][1]["session"]["id"]


def silenced_soon(tab: Tab) -> None:
    """From the first event that takes the floor from an answer that sounds, until the page shows that it is silent."""
    phases = tab.spied("phases")
    sounding = next(at for at, phase in phases if phase == "speaking")
    yields = [at for kind in ("empathy.hold", "input_audio_buffer.speech_started") for at, _ in tab.received(kind)]
    taken = [at for at in yields if at > sounding]
    if taken and any(phase == "speaking" for at, phase in phases if at < min(taken)):
        silent = next(at for at, phase in phases if at >= min(taken) and phase != "speaking")
        assert silent - min(taken) < YIELD_MS


def in_step(tab: Tab) -> None:
    """Words are shown as heard when they have sounded, by the synthesizer's own times."""
    ends: dict[str, list[float]] = {}
    for _, event in tab.received("empathy.words"):
        ends.setdefault(event["item_id"], []).extend(word["end_ms"] for word in event["words"])
    reports = [(item, ms, shown) for item, ms, shown in tab.spied("heard") if item in ends and shown <= len(ends[item])]
    assert reports
    for item, played_ms, shown in reports:
        assert shown == 0 or ends[item][shown - 1] <= played_ms + STEP_MS
        assert shown == len(ends[item]) or ends[item][shown] >= played_ms - STEP_MS


def spoken_as_written(tab: Tab) -> None:
    """What came to the loudspeaker, given to the recogniser, is what the caption says."""
    item = tab.received("response.output_audio.delta")[0][1]["item_id"]
    sound, said = b"", ""
    for _, event in tab.spied("received"):
        if event.get("item_id") == item and event["type"] == "response.output_audio.delta":
            sound += base64.b64decode(event["delta"])
        if event.get("item_id") == item and event["type"] == "response.output_audio_transcript.delta":
            said += event["delta"]
    heard, words = letters(transcribed(tab.live, sound)), letters(said)
    assert len([word for word in heard if word in words]) >= 0.6 * min(len(heard), len(words))


def transcribed(live: Live, sound: bytes) -> str:
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(sound, "<i2"), RATE_HZ, format="WAV")
    answer = live.post("/v1/audio/transcriptions", files={"file": ("said.wav", file.getvalue())}, timeout=60)
    return str(answer.json()["text"])


def letters(text: str) -> list[str]:
    return "".join(char for char in text.lower() if char.isalpha() or char.isspace()).split()

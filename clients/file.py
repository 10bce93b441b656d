"""Speak a recording to a server in real time, as a person would, and keep what comes back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .connection import WIRE_RATE_HZ, Call, connect

STEP_S = 0.02
LEAD_IN_S = 0.3
LONGEST_WAIT_S = 60.0
SILENCE_BELOW = 0.02
"""Share of the recording's peak under which its end counts as silence."""

Pcm = NDArray[np.int16]


class UnreadableAudio(Exception):
    """The file is no audio we can read."""


@dataclass(slots=True)
class Turn:
    """One exchange as the client saw it. Times are milliseconds from the end of the recorded speech."""

    heard: str = ""
    reply: str = ""
    status: str = ""
    cues: dict[str, Any] = field(default_factory=dict)
    appraisal: dict[str, Any] = field(default_factory=dict)
    server_ms: dict[str, int] = field(default_factory=dict)
    client_ms: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    audio: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))

    def record(self) -> dict[str, Any]:
        """As JSON: everything but the audio, whose length it tells."""
        values = asdict(self)
        values["audio_s"] = round(len(values.pop("audio")) / WIRE_RATE_HZ, 2)
        return values


def read(path: Path) -> Pcm:
    """Any common audio file as 24 kHz mono. Raises UnreadableAudio."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnreadableAudio(f"cannot read {path} as audio: {error}") from None
    mono = samples.mean(axis=1)
    if rate != WIRE_RATE_HZ:
        mono = soxr.resample(mono, rate, WIRE_RATE_HZ)
    return (np.clip(mono, -1, 1) * 32767).astype(np.int16)


def write(path: Path, pcm: Pcm) -> None:
    """24 kHz mono to a WAV file."""
    soundfile.write(path, pcm, WIRE_RATE_HZ, subtype="PCM_16")


def speech_end_s(pcm: Pcm) -> float:
    """When the last speech of a recording ends, by its level in hops of 20 ms."""
    hop = int(WIRE_RATE_HZ * STEP_S)
    count = len(pcm) // hop
    if not count:
        return 0.0
    level = np.sqrt(np.mean(pcm[: count * hop].astype(np.float64).reshape(count, hop) ** 2, axis=1))
    loud = np.flatnonzero(level > SILENCE_BELOW * max(level.max(), 1.0))
    return float((loud[-1] + 1) * STEP_S) if len(loud) else len(pcm) / WIRE_RATE_HZ


async def speak_file(
    url: str, path: Path, *, api_key: str | None = None, session: Mapping[str, Any] | None = None
) -> Turn:
    """Stream a recording and wait for the answer.

    Raises:
        UnreadableAudio, ConnectionRefused, TimeoutError.
    """
    pcm = read(path)
    async with connect(url, api_key=api_key, session=session) as call:
        return await speak(call, pcm)


async def speak(call: Call, pcm: Pcm) -> Turn:
    """Say this on a live call and collect the answer to it."""
    loop = asyncio.get_running_loop()
    start = loop.time() + LEAD_IN_S
    over = asyncio.Event()
    listener = Listener(ended_at=start + speech_end_s(pcm))
    async with asyncio.timeout(len(pcm) / WIRE_RATE_HZ + LONGEST_WAIT_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(_stream(call, pcm, start, over))
        async for event in call:
            if listener.take(event, loop.time()):
                break
        over.set()
    return listener.turn


async def _stream(call: Call, pcm: Pcm, start: float, over: asyncio.Event) -> None:
    """Send lead-in silence, the recording, and then silence until the answer is complete."""
    loop, step = asyncio.get_running_loop(), int(WIRE_RATE_HZ * STEP_S)
    lead = np.zeros(int(LEAD_IN_S * WIRE_RATE_HZ), np.int16)
    sound = np.concatenate([lead, pcm])
    at = 0
    while not over.is_set():
        piece = sound[at : at + step]
        await call.send_audio(np.pad(piece, (0, step - len(piece))).astype("<i2").tobytes())
        at += step
        await asyncio.sleep(max(0.0, start - LEAD_IN_S + at / WIRE_RATE_HZ - loop.time()))


class Listener:
    """Makes a `Turn` out of the events that follow; `take` says when the answer is complete."""

    def __init__(self, ended_at: float) -> None:
        self.turn = Turn()
        self._ended_at = ended_at
        self._pieces: list[Pcm] = []

    def take(self, event: Mapping[str, Any], now: float) -> bool:
        turn = self.turn
        match event["type"]:
            case "input_audio_buffer.committed":
                self._mark("committed", now)
            case "conversation.item.input_audio_transcription.completed":
                turn.heard = f"{turn.heard} {event['transcript']}".strip()
                turn.cues = (event.get("empathy") or {}).get("cues", turn.cues)
                self._mark("transcript", now)
            case "conversation.item.input_audio_transcription.failed" | "error":
                turn.errors.append(event["error"]["message"])
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                self._mark("first_words", now)
            case "response.output_audio.delta":
                self._mark("first_audio", now)
                self._pieces.append(np.frombuffer(base64.b64decode(event["delta"]), "<i2").astype(np.int16))
            case "response.done":
                return self._done(event, now)
        return False

    def _done(self, event: Mapping[str, Any], now: float) -> bool:
        turn, response = self.turn, event["response"]
        self._mark("done", now)
        turn.status = response["status"]
        parts = [part for item in response["output"] for part in item["content"]]
        turn.reply = " ".join(part.get("transcript") or part.get("text") or "" for part in parts).strip()
        empathy = event.get("empathy") or {}
        turn.appraisal = empathy.get("appraisal", {})
        turn.server_ms = empathy.get("timings_ms", {})
        turn.audio = np.concatenate(self._pieces) if self._pieces else turn.audio
        return turn.status != "cancelled"

    def _mark(self, stage: str, now: float) -> None:
        self.turn.client_ms.setdefault(stage, round((now - self._ended_at) * 1000))

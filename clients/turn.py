"""One exchange as a client sees it: what was heard, what was made of it, the answer, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..server.protocol import PCM_RATE_HZ, pcm_of

Pcm = NDArray[np.int16]

AUDIBLE = 100
"""Amplitude (of 32,767) from which a sample can be heard: -50 dB full scale."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An exchange. `client_ms` counts from the moment that the collector was given, `server_ms` (the server's own
    stages) from the end of the user's speech as the server heard it. `audio` is mono at 24 kHz."""

    heard: str = ""
    reply: str = ""
    status: str = "none"
    """completed, cancelled, failed or incomplete; "none" where there was no answer."""
    reason: str | None = None
    cues: Mapping[str, Any] = field(default_factory=dict)
    appraisal: Mapping[str, Any] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    server_ms: Mapping[str, int] = field(default_factory=dict)
    client_ms: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    audio: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))

    def record(self) -> dict[str, Any]:
        """As JSON: everything but the audio, of which it tells the length."""
        names = ("heard", "reply", "status", "reason", "cues", "appraisal", "degraded", "server_ms", "client_ms")
        values = {name: getattr(self, name) for name in (*names, "errors")}
        return {**values, "audio_s": round(len(self.audio) / PCM_RATE_HZ, 2)}


class TurnCollector:
    """Makes a `Turn` of the events of an exchange; times are seconds of any one clock."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._heard: list[str] = []
        self._errors: list[str] = []
        self._sound: list[Pcm] = []
        self._cues: Mapping[str, Any] = {}
        self._client_ms: dict[str, int] = {}
        self._unanswered = False
        self._speaking = False
        self._responding = False
        self._done: Mapping[str, Any] | None = None

    @property
    def complete(self) -> bool:
        """Whether an answer has come whole and nothing else is under way; one that was cut off is none."""
        return self._done is not None and not self.busy and self._status() != "cancelled"

    @property
    def busy(self) -> bool:
        """Whether somebody speaks, or an answer is due or under way."""
        return self._speaking or self._unanswered or self._responding

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(self._errors)

    def take(self, event: Mapping[str, Any], now_s: float) -> None:
        """Take the next event."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._speaking = True
            case "input_audio_buffer.cleared":
                self._speaking = False
            case "input_audio_buffer.committed":
                self._speaking, self._unanswered = False, True
                self._mark("committed", now_s, again=True)
            case "conversation.item.input_audio_transcription.completed":
                self._learn(event, now_s)
            case "conversation.item.input_audio_transcription.failed" | "error":
                self._errors.append(event["error"]["message"])
            case "response.created":
                self._responding, self._unanswered = True, False
                self._sound.clear()
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                self._mark("first_words", now_s)
            case "response.output_audio.delta":
                self._hear(pcm_of(event["delta"]), now_s)
            case "response.done":
                self._responding = False
                self._done = event
                self._mark("done", now_s, again=True)

    def turn(self) -> Turn:
        """The exchange so far."""
        response = self._done["response"] if self._done else {}
        empathy = (self._done or {}).get("empathy") or {}
        parts = [part for item in response.get("output", []) for part in item["content"]]
        return Turn(
            heard=" ".join(self._heard),
            reply=" ".join(part.get("transcript") or part.get("text") or "" for part in parts).strip(),
            status=self._status(),
            reason=(response.get("status_details") or {}).get("reason"),
            cues=self._cues,
            appraisal=empathy.get("appraisal", {}),
            degraded=tuple(empathy.get("degraded", ())),
            server_ms=empathy.get("timings_ms", {}),
            client_ms=dict(self._client_ms),
            errors=self.errors,
            audio=np.concatenate(self._sound) if self._sound else np.zeros(0, np.int16),
        )

    def _status(self) -> str:
        return str(self._done["response"]["status"]) if self._done else "none"

    def _learn(self, event: Mapping[str, Any], now_s: float) -> None:
        if event["transcript"]:
            self._heard.append(event["transcript"])
        else:
            self._unanswered = False  # nothing was said: nothing will be answered
        self._cues = (event.get("empathy") or {}).get("cues", self._cues)
        self._mark("transcript", now_s, again=True)

    def _hear(self, pcm: Pcm, now_s: float) -> None:
        """Audio is played as it comes: its first audible sample sounds that much after its arrival."""
        if not self._sound:
            self._mark("first_audio", now_s)
        self._sound.append(pcm)
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) >= AUDIBLE)
        if len(loud):
            self._mark("first_sound", now_s + float(loud[0]) / PCM_RATE_HZ)

    def _mark(self, stage: str, now_s: float, *, again: bool = False) -> None:
        if again or stage not in self._client_ms:
            self._client_ms[stage] = round((now_s - self._origin_s) * 1000)

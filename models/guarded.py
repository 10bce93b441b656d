"""The models behind their gates: the same Protocols, and what else a backend offers as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import (
    HEARING_RATE_HZ,
    Appraisal,
    Appraiser,
    Baseline,
    ChatDelta,
    ChatModel,
    ChatOptions,
    CueExtractor,
    Cues,
    Embedder,
    Encoding,
    Message,
    Recognition,
    Recognizer,
    Samples,
    Situation,
    Speech,
    Style,
    Synthesizer,
    Transcript,
    TurnDetector,
)
from .breaker import State
from .gate import Gate, Patience, Tell

PATIENCE = {
    "turn": Patience(3.0, 3.0),
    "asr": Patience(20.0, 20.0),
    "cues": Patience(10.0, 10.0),
    "appraiser": Patience(5.0, 5.0),
    "llm": Patience(11.0, 7.0),
    "tts": Patience(11.0, 11.0),
    "embedder": Patience(3.0, 3.0),
}
"""A little less than a reply waits for each (`*_DEADLINE_S` in pipelines/duplex), so that the model's failure counts.
A recogniser may be given a whole recording, and has as much longer as that lasts."""


class _Guarded:
    """A backend and its gate."""

    def __init__(self, inner: Any, gate: Gate) -> None:
        self._inner = inner
        self.gate = gate

    @property
    def ready(self) -> bool:
        """Whether a call would be served now."""
        return self.gate.breaker.state is not State.OPEN and bool(getattr(self._inner, "ready", True))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class GuardedTurnDetector(_Guarded):
    async def completion(self, audio: Samples) -> float:
        inner: TurnDetector = self._inner
        return await self.gate.call(lambda: inner.completion(audio))


class GuardedRecognizer(_Guarded):
    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        inner: Recognizer = self._inner
        work = partial(inner.recognize, audio, language=language, prompt=prompt)
        return await self.gate.call(work, more_s=len(audio) / HEARING_RATE_HZ)


class GuardedCues(_Guarded):
    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        inner: CueExtractor = self._inner
        return await self.gate.call(
            lambda: inner.extract(audio, baseline=baseline, transcript=transcript, encoding=encoding)
        )


class GuardedAppraiser(_Guarded):
    async def appraise(self, situation: Situation) -> Appraisal:
        inner: Appraiser = self._inner
        return await self.gate.call(lambda: inner.appraise(situation))


class GuardedChat(_Guarded):
    def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncIterator[ChatDelta]:
        inner: ChatModel = self._inner
        return self.gate.stream(lambda: inner.stream(messages, options))


class GuardedSynthesizer(_Guarded):
    @property
    def rate_hz(self) -> int:
        return int(self._inner.rate_hz)

    @property
    def voices(self) -> tuple[str, ...]:
        voices: tuple[str, ...] = self._inner.voices
        return voices

    def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        inner: Synthesizer = self._inner
        return self.gate.stream(lambda: inner.stream(text, voice=voice, style=style))


class GuardedEmbedder(_Guarded):
    async def embed(self, text: str) -> NDArray[np.float32]:
        inner: Embedder = self._inner
        return await self.gate.call(lambda: inner.embed(text))


GUARDS: dict[str, type[_Guarded]] = {
    "turn": GuardedTurnDetector,
    "asr": GuardedRecognizer,
    "cues": GuardedCues,
    "appraiser": GuardedAppraiser,
    "llm": GuardedChat,
    "tts": GuardedSynthesizer,
    "embedder": GuardedEmbedder,
}


def guarded(kind: str, backend: Any, tell: Tell) -> Any:
    """A backend behind a gate of its own. A VAD runs inline, 31 times a second, and has none."""
    if kind not in GUARDS:
        return backend
    return GUARDS[kind](backend, Gate(kind, PATIENCE[kind], tell))

"""The models a session speaks with, shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.base import VAD, Appraiser, ChatModel, CueExtractor, Recognizer, Synthesizer, TurnDetector


@dataclass(frozen=True, slots=True)
class Backends:
    vad: VAD
    turn: TurnDetector
    recognizer: Recognizer
    cues: CueExtractor
    appraiser: Appraiser
    chat: ChatModel
    synthesizer: Synthesizer

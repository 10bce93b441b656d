"""The models a session speaks with, shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.base import VAD, Appraiser, ChatModel, CueExtractor, Recognizer, Synthesizer, TurnDetector

DEFAULT_VOICE = "default"
"""Every synthesizer has it; clients of OpenAI's ask for voices that no other has."""


@dataclass(frozen=True, slots=True)
class Backends:
    vad: VAD
    turn: TurnDetector
    recognizer: Recognizer
    cues: CueExtractor
    appraiser: Appraiser
    chat: ChatModel
    synthesizer: Synthesizer

    def named(self) -> dict[str, object]:
        """Each by its name here."""
        return {name: getattr(self, name) for name in self.__slots__}

    def voice(self, wanted: str) -> str:
        """The voice to speak with: what was wanted, or the one that stands in for voices that we do not have."""
        return wanted if wanted in self.synthesizer.voices else DEFAULT_VOICE

"""Protocols of the model backends and the frozen values that pass between them.

Conventions: audio for hearing is mono float32 in [-1, 1] at `HEARING_RATE_HZ`; positions are sample
indices at that rate on the session's audio clock; unknown is `None`, never a default. Every blocking
model hides its thread behind the async methods here; only the VAD is called inline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .labels import AgeBand, Emotion, Gender, Need, Risk, Tactic, Tone, VocalEvent, VoiceStyle

HEARING_RATE_HZ = 16_000
VAD_FRAME_SAMPLES = 512

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """PCM16 mono samples, shape [n], with their rate and the index of the first one."""

    samples: NDArray[np.int16]
    rate_hz: int
    start: int


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; `start` and `end` in samples from the start of the audio given."""

    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. `stable_chars` leading characters of `text` will not change any more.

    `closure` is the recogniser's probability that the sentence is over with the last word, where it can tell.
    """

    text: str
    words: tuple[Word, ...] = ()
    language: str | None = None
    stable_chars: int = 0
    final: bool = False
    closure: float | None = None


@dataclass(frozen=True, slots=True)
class Encoding:
    """Recogniser encoder output, float32 [frames, width]; frame i covers samples [i * hop, (i + 1) * hop)."""

    frames: NDArray[np.float32]
    hop_samples: int


@dataclass(frozen=True, slots=True)
class Recognition:
    """A transcript and, where the backend has one, the encoding it was read from."""

    transcript: Transcript
    encoding: Encoding | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A claim about the voice, with the span (samples from the turn's start) and measurement it rests on."""

    claim: str
    measurement: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EventSpan:
    event: VocalEvent
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Prosody:
    """Measured over one turn's voiced speech; pitch in Hz, energy in dB full scale, rate in words a second."""

    pitch_hz: float | None
    pitch_range_semitones: float | None
    energy_db: float
    energy_range_db: float
    words_per_s: float | None
    pause_share: float
    jitter: float | None
    shimmer: float | None
    tilt_db_per_octave: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """This speaker's usual: running means over `turns` turns of the session.

    `voice` is the mean of `Cues.voice` over `voice_turns`; it is neither shown nor logged.
    """

    turns: int = 0
    pitch_hz: float | None = None
    pitch_range_semitones: float | None = None
    energy_db: float | None = None
    words_per_s: float | None = None
    tilt_db_per_octave: float | None = None
    voice: tuple[float, ...] | None = field(default=None, repr=False)
    voice_turns: int = 0


@dataclass(frozen=True, slots=True)
class Cues:
    """What the voice carries. Emotion probabilities are soft labels and need not sum to 1.

    `words` is what the words alone would make one expect, by family of emotion, and `conflict` how surely the voice
    says otherwise (0 to 1; unknown where either is). `confidence` is the probability of the likeliest feeling, also
    where it is too small for `emotion` to tell one: in a plain voice it is near 0. `voice` is the turn in the
    extractor's own numbers, which join the speaker's baseline; hearing takes it off before anybody else sees the cues.
    """

    emotion: Mapping[Emotion, float] | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    style: tuple[VoiceStyle, ...] = ()
    events: tuple[EventSpan, ...] = ()
    age: AgeBand | None = None
    gender: Gender | None = None
    pitch_semitones: float | None = None
    energy_db: float | None = None
    rate_ratio: float | None = None
    confidence: float | None = None
    prosody: Prosody | None = None
    evidence: tuple[Evidence, ...] = ()
    words: Mapping[Emotion, float] | None = None
    conflict: float | None = None
    voice: tuple[float, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Appraisal:
    """The chain of empathy, made before the first word is spoken and never spoken itself."""

    emotion: Emotion
    intensity: int
    cause: str
    need: Need
    conflict: bool
    risk: Risk
    tactics: tuple[Tactic, ...]
    tone: Tone
    evidence: tuple[str, ...] = ()
    confidence: float | None = None
    appraiser: str = ""
    opener: str = ""
    """The first clause of the reply, where one was chosen before the chat model had a word."""


@dataclass(frozen=True, slots=True)
class Style:
    """A tone and its numbers; every synthesizer compiles them to what it can do. The defaults change nothing."""

    tone: Tone = Tone.NEUTRAL
    rate: float = 1.0
    pitch_semitones: float = 0.0
    pitch_range: float = 1.0
    energy_db: float = 0.0
    final_lowering_semitones: float = 0.0
    voice_mix: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of synthesized speech; `start` and `end` in samples of the chunk's own rate, from the phrase's start.

    `text` is the slice of the given text that the word stands for, with the punctuation that follows it.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of synthesized speech: int16 [n] at `rate_hz`.

    `words` lists the words whose start lies in this piece (times from the start of the whole phrase).
    """

    samples: NDArray[np.int16]
    rate_hz: int
    words: tuple[SpokenWord, ...] = ()


Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """`prefill` is the start of the reply, already decided; only what follows it is streamed.

    `grammar` (GBNF) holds what is streamed to a form, where the endpoint is llama.cpp; others may pass it over.
    """

    max_tokens: int = 96
    temperature: float = 0.7
    top_p: float = 0.9
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    grammar: str = ""
    prefill: str = ""
    seed: int | None = None


FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of the reply; the last one has `finish` and, where the backend counts, token numbers."""

    text: str = ""
    finish: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A turn as it is remembered: what was said, how, and what of our reply was *heard*."""

    user: str
    cues: Cues | None
    appraisal: Appraisal | None
    reply: str


@dataclass(frozen=True, slots=True)
class Situation:
    """All that an appraiser may look at: the words, the voice, and what went before (oldest first)."""

    text: str
    cues: Cues | None = None
    past: tuple[PastTurn, ...] = ()
    language: str | None = None


class VADStream(Protocol):
    """One session's voice activity state."""

    def probability(self, frame: Samples) -> float:
        """Probability of speech in the next `VAD_FRAME_SAMPLES` samples; inline, well under a millisecond."""
        ...


class VAD(Protocol):
    def stream(self) -> VADStream: ...


class TurnDetector(Protocol):
    async def completion(self, audio: Samples) -> float:
        """Probability in [0, 1] that the speaker is done, from the last seconds of audio up to the pause."""
        ...


class Recognizer(Protocol):
    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        """Recognise one stretch of speech; an empty text means that no words were heard.

        Raises:
            BackendError: the audio could not be decoded; nothing else is affected.
        """
        ...


class CueExtractor(Protocol):
    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        """Read the voice of one turn, or of the part heard so far, against the speaker's baseline."""
        ...


class Appraiser(Protocol):
    async def appraise(self, situation: Situation) -> Appraisal:
        """Make the chain of empathy for the last thing said."""
        ...


class ChatModel(Protocol):
    def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncIterator[ChatDelta]:
        """Generate a reply piece by piece; closing the iterator stops the generation.

        Raises:
            BackendError: from the iterator, at any piece.
        """
        ...


class Embedder(Protocol):
    async def embed(self, text: str) -> NDArray[np.float32]:
        """A sentence's vector, float32 [n], length 1 (0 for a text without words); like meanings lie near each other.

        Raises:
            BackendError: this text could not be embedded; nothing else is affected.
        """
        ...


class Synthesizer(Protocol):
    @property
    def rate_hz(self) -> int: ...

    @property
    def voices(self) -> tuple[str, ...]: ...

    def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Speak one phrase; pieces come as early as the backend can, in order.

        Raises:
            BackendError: from the iterator, at any piece.
        """
        ...

"""Cues from the recogniser's own encoding and from measurement: emotion, sounds, and how sure, with evidence.

Hearing *how* rests on what hearing *what* has computed already: small trained heads (heads.py) on Whisper's encoder
output, joined with prosody, against the speaker's own usual. The model card is docs/cues.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..asr import faster_whisper as whisper
from ..asr.faster_whisper import FasterWhisper
from ..base import HEARING_RATE_HZ, Baseline, Cues, Encoding, EventSpan, Evidence, Samples, Transcript
from ..embedding import minilm
from ..errors import Failed, Unavailable
from ..labels import AgeBand, Emotion, Gender
from ..store import Store
from ..worker import Worker
from . import events, families, features, heads, prosody
from .baseline import with_turn
from .words import BEYOND_CHANCE, Words, conflict

FOLDER = Path(__file__).parent / "weights"
SHORTEST_S = 0.3
LEAST_SHOWN = 0.02
"""Labels less likely than this are left out."""
WINDOW_FRAMES = 50
"""Length of the stretch that is named as carrying the emotion: 1 s."""
SURE = 0.8
"""Age and gender are said from this probability on."""
LESS_A_TURN = 0.1


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weights: Literal["open", "research"] | Path = "open"
    """open (trained on freely licensed data), research (also on non-commercial data; see docs/cues.md), or a file."""
    emotion: bool = True
    """Infer emotion from the voice; off, no session reads voices at all (`session.empathy.acoustic` stays off)."""
    age: bool = False
    """Infer child or adult; a session must ask for it as well."""
    gender: bool = False
    """Infer gender; a session must ask for it as well."""
    words: bool = True
    """Compare with what the words alone would make one expect."""
    unknown_below: float = Field(0.4, ge=0, le=1)
    """Confidence below which the emotion is unknown."""
    unknown_below_at_first: float = Field(0.6, ge=0, le=1)
    """The same in a speaker's first turn, when nothing is known of their usual; `LESS_A_TURN` less after each."""
    own_encoder: bool = False
    """Encode the turn by Whisper base, which the heads were trained on, where the recogniser is another model."""
    device: str = "cpu"
    """Of that encoder: cpu, cuda or auto."""
    threads: int = 1
    """Turns that may be read at the same time."""

    def needed(self, turns: int) -> float:
        """Confidence from which an emotion is told with so many turns of the speaker heard: one turn is no usual."""
        return max(self.unknown_below, self.unknown_below_at_first - LESS_A_TURN * turns)


class VoiceCues:
    """Shared by all sessions. `withheld` names what the operator keeps it from inferring, as `session.empathy` does."""

    def __init__(self, options: Options, store: Store) -> None:
        allowed = {"acoustic": options.emotion, "age": options.age, "gender": options.gender}
        self.withheld = frozenset(name for name, on in allowed.items() if not on)
        self.reader = Reader(trained(options.weights), options)
        wanted = options.words and options.emotion
        self._words = Words(FOLDER / "words.npz") if wanted else None
        self._sentences = minilm.load(store.path("minilm")) if wanted else None
        self._encoder = _encoder(options, store) if options.own_encoder else None
        self._worker = Worker("cues", threads=options.threads)

    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        """Raises Failed where the recogniser is not the one that the heads were trained on."""
        try:
            return await self._worker.call(self._extract, audio, baseline, transcript, encoding)
        except ValueError as error:
            raise Failed(str(error)) from error

    def _extract(
        self, audio: Samples, baseline: Baseline, transcript: Transcript | None, encoding: Encoding | None
    ) -> Cues:
        if self._encoder is not None and len(audio) >= SHORTEST_S * HEARING_RATE_HZ:
            encoding = self._encoder.encoding(audio)
        cues = self.reader.read(audio, baseline, transcript, encoding)
        said = transcript.text.strip() if transcript is not None else ""
        if not said or self._words is None or self._sentences is None:
            return cues
        return against(cues, self._words.expected(self._sentences.embed(said)), len(audio))


def _encoder(options: Options, store: Store) -> FasterWhisper:
    compute = "int8" if options.device == "cpu" else "float16"
    return FasterWhisper(whisper.Options(device=options.device, compute_type=compute, threads=options.threads), store)


def weights_file(chosen: str | Path) -> Path:
    """The file of a set that ships (open, research), or the path given."""
    return FOLDER / f"{chosen}.npz" if chosen in ("open", "research") else Path(chosen)


def trained(chosen: str | Path) -> heads.Heads:
    """Weights of a set that ships, or of a file. Raises Unavailable."""
    try:
        return heads.load(weights_file(chosen))
    except heads.BadWeights as error:
        raise Unavailable(str(error)) from None


class Reader:
    """The heads, and how their numbers become cues. Pure but for its weights."""

    def __init__(self, trained: heads.Heads, options: Options) -> None:
        self.heads = trained
        self._options = options
        self._groups = np.array([families.HEADS.index(families.FAMILY_OF[label]) for label in families.LABELS])

    def read(
        self, audio: Samples, baseline: Baseline, transcript: Transcript | None, encoding: Encoding | None
    ) -> Cues:
        """Cues of one turn; without an encoding, or with too little speech, measurements alone."""
        contours = prosody.contours_of(audio)
        cues = prosody.read(audio, baseline, transcript, contours)
        if encoding is None or not len(encoding.frames) or features.seconds(audio) < SHORTEST_S:
            return cues
        turn = features.of(audio, encoding, contours)
        found = events.spans(
            self.heads.events(turn.frames), self.heads.meta["events"], self.heads.meta["thresholds"], turn.speech
        )
        cues = replace(cues, events=_in_order(cues.events + found), evidence=cues.evidence + _heard(found))
        speaker = with_turn(baseline, turn.numbers)
        cues = replace(cues, voice=tuple(turn.numbers.tolist()), age=self._age(speaker), gender=self._gender(speaker))
        return self._felt(cues, turn, baseline) if self._options.emotion else cues

    def _felt(self, cues: Cues, turn: features.Turn, baseline: Baseline) -> Cues:
        relative = self.heads.relative(turn.numbers, baseline)
        by_family = self.heads.everyday(relative)
        confidence = float(np.delete(by_family, heads.NEUTRAL).max())
        if by_family.argmax() == heads.NEUTRAL or confidence < self._options.needed(baseline.voice_turns):
            return replace(cues, confidence=confidence)  # who talks plainly may feel anything
        labels = self.heads.labels(relative, by_family, self._groups)
        ranked = sorted(zip(families.LABELS, map(float, labels), strict=True), key=lambda pair: -pair[1])
        likeliest = families.HEADS[int(by_family.argmax())]
        valence, arousal, dominance = families.affect(dict(zip(families.HEADS, map(float, by_family), strict=True)))
        return replace(
            cues,
            emotion={label: round(p, 4) for label, p in ranked if p >= LEAST_SHOWN},
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            confidence=confidence,
            evidence=(*cues.evidence, self._carrying(turn, likeliest, confidence)),
        )

    def _carrying(self, turn: features.Turn, family: Emotion, confidence: float) -> Evidence:
        """The second whose frames speak most for the family, by the share that each frame has in the decision."""
        leaning = np.where(turn.speech, self.heads.leaning(turn.frames, families.HEADS.index(family)), 0.0)
        window = min(WINDOW_FRAMES, len(leaning))
        sums = np.convolve(leaning, np.ones(window), "valid")
        start = int(sums.argmax())
        text = f"the voice's frames speak for it most here; {confidence:.2f} in all"
        return Evidence(str(family), text, start * features.HOP, (start + window) * features.HOP)

    def _age(self, speaker: heads.Floats) -> AgeBand | None:
        if not self._options.age:
            return None
        child = self.heads.is_child(speaker)
        return AgeBand.CHILD if child >= SURE else AgeBand.ADULT if child <= 1 - SURE else None

    def _gender(self, speaker: heads.Floats) -> Gender | None:
        if not self._options.gender:
            return None
        female = self.heads.is_female(speaker)
        return Gender.FEMALE if female >= SURE else Gender.MALE if female <= 1 - SURE else None


def against(cues: Cues, expected: dict[Emotion, float], samples: int) -> Cues:
    """The cues with what the words would make one expect beside them, and how surely the two disagree."""
    if cues.emotion is None:
        return replace(cues, words=expected)
    disagreement = conflict(cues.emotion, expected)
    evidence = cues.evidence
    if disagreement >= BEYOND_CHANCE:
        heard, read = _likeliest(families.gathered(cues.emotion)), _likeliest(expected)
        text = f"words {read[0]} {read[1]:.2f}, voice {heard[0]} {heard[1]:.2f}"
        evidence = (*evidence, Evidence("voice against words", text, 0, samples))
    return replace(cues, words=expected, conflict=disagreement, evidence=evidence)


def _likeliest(distribution: dict[Emotion, float]) -> tuple[Emotion, float]:
    return max(distribution.items(), key=lambda pair: pair[1])


def _heard(found: tuple[EventSpan, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(span.event.value, f"heard with probability {span.probability:.2f}", span.start, span.end)
        for span in found
    )


def _in_order(spans: tuple[EventSpan, ...]) -> tuple[EventSpan, ...]:
    return tuple(sorted(spans, key=lambda span: (span.start, span.end)))

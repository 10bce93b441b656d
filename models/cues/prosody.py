"""Cues from measurement alone: how loud, high, fast and flat a turn was, against this speaker's usual.

It says what it measured and no more: emotion, valence and arousal stay unknown.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import HEARING_RATE_HZ, Baseline, Cues, Encoding, EventSpan, Evidence, Prosody, Samples, Transcript
from ..labels import VocalEvent
from ..store import Store
from ..worker import Worker
from . import measure, styles

LONG_PAUSE_S = 1.0
SHORTEST_S = 0.3


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    threads: int = 1
    """Turns that may be measured at the same time."""


class ProsodyCues:
    def __init__(self, options: Options, store: Store) -> None:
        self._worker = Worker("prosody", threads=options.threads)

    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        return await self._worker.call(read, audio, baseline, transcript)


def read(
    audio: Samples,
    baseline: Baseline,
    transcript: Transcript | None = None,
    contours: styles.Contours | None = None,
) -> Cues:
    """Measure a turn and say how it differs from the speaker's usual; too little voice gives empty cues."""
    contours = contours or contours_of(audio)
    measured = prosody(audio, transcript, contours)
    if measured is None:
        return Cues()
    found, evidence = styles.read(measured, baseline, contours, (0, len(audio)))
    gaps = measure.pauses(contours.level_db, LONG_PAUSE_S)
    silent = [f"{(end - start) / HEARING_RATE_HZ:.1f} s of silence" for start, end in gaps]
    return Cues(
        style=found,
        events=tuple(EventSpan(VocalEvent.LONG_PAUSE, start, end, 1.0) for start, end in gaps),
        pitch_semitones=styles.difference_semitones(measured, baseline),
        energy_db=None if baseline.energy_db is None else measured.energy_db - baseline.energy_db,
        rate_ratio=styles.ratio(measured.words_per_s, baseline.words_per_s),
        prosody=measured,
        evidence=evidence
        + tuple(Evidence(VocalEvent.LONG_PAUSE.value, text, *gap) for text, gap in zip(silent, gaps, strict=True)),
    )


def contours_of(audio: Samples) -> styles.Contours:
    """Level, pitch and speech of each 10 ms."""
    level = measure.energy_db(audio)
    return styles.Contours(level, measure.pitch_hz(audio), measure.speech_hops(level))


def prosody(
    audio: Samples, transcript: Transcript | None = None, contours: styles.Contours | None = None
) -> Prosody | None:
    """The numbers of one turn; `None` where there is too little to measure."""
    if len(audio) < SHORTEST_S * HEARING_RATE_HZ:
        return None
    contours = contours or contours_of(audio)
    level, pitch, speech = contours.level_db, contours.pitch_hz, contours.speech
    if speech.sum() < SHORTEST_S * 100:
        return None
    voiced = pitch[pitch > 0]
    spoken = np.flatnonzero(speech)
    inside = speech[spoken[0] : spoken[-1] + 1]
    median = float(np.median(voiced)) if len(voiced) >= 10 else None
    words = len(transcript.text.split()) if transcript is not None else 0
    return Prosody(
        pitch_hz=median,
        pitch_range_semitones=None if median is None else float(np.std(measure.semitones(voiced, median))),
        energy_db=float(level[speech].mean()),
        energy_range_db=float(np.std(level[speech])),
        words_per_s=words / (len(inside) / 100) if words else None,
        pause_share=float(1 - inside.mean()),
        jitter=measure.jitter(pitch),
        shimmer=measure.shimmer(level, pitch),
        tilt_db_per_octave=measure.tilt_db_per_octave(audio, pitch),
    )

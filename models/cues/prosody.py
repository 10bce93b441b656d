"""Cues from measurement alone: how loud, high, fast and flat a turn was, against this speaker's usual.

It says what it measured and no more: emotion, valence and arousal stay unknown.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import HEARING_RATE_HZ, Baseline, Cues, Encoding, EventSpan, Evidence, Prosody, Samples, Transcript
from ..labels import VocalEvent, VoiceStyle
from ..store import Store
from ..worker import Worker
from . import measure

LONG_PAUSE_S = 1.0
SHORTEST_S = 0.3
LOUDER_DB, QUIETER_DB = 5.0, -5.0
FASTER, SLOWER = 1.25, 0.78
MONOTONE_SEMITONES = 1.2
"""Standard deviation of pitch below which speech sounds monotone (lively reading has 3 and more)."""


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


def read(audio: Samples, baseline: Baseline, transcript: Transcript | None = None) -> Cues:
    """Measure a turn and say how it differs from the speaker's usual; too little voice gives empty cues."""
    measured = prosody(audio, transcript)
    if measured is None:
        return Cues()
    span = (0, len(audio))
    styles, evidence = _styles(measured, baseline, span)
    pauses = [p for p in measure.pauses(measure.energy_db(audio)) if p[1] - p[0] >= LONG_PAUSE_S * HEARING_RATE_HZ]
    events = tuple(EventSpan(VocalEvent.LONG_PAUSE, start, end, 1.0) for start, end in pauses)
    evidence += [
        Evidence("long_pause", f"{(end - start) / HEARING_RATE_HZ:.1f} s of silence", start, end)
        for start, end in pauses
    ]
    return Cues(
        style=styles,
        events=events,
        pitch_semitones=_difference_semitones(measured, baseline),
        energy_db=None if baseline.energy_db is None else measured.energy_db - baseline.energy_db,
        rate_ratio=_ratio(measured.words_per_s, baseline.words_per_s),
        prosody=measured,
        evidence=tuple(evidence),
    )


def prosody(audio: Samples, transcript: Transcript | None = None) -> Prosody | None:
    """The numbers of one turn; `None` where there is too little to measure."""
    if len(audio) < SHORTEST_S * HEARING_RATE_HZ:
        return None
    level = measure.energy_db(audio)
    speech = measure.speech_hops(level)
    if speech.sum() < SHORTEST_S * 100:
        return None
    pitch = measure.pitch_hz(audio)
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


def _styles(
    measured: Prosody, baseline: Baseline, span: tuple[int, int]
) -> tuple[tuple[VoiceStyle, ...], list[Evidence]]:
    found: list[tuple[VoiceStyle, str]] = []
    if baseline.energy_db is not None:
        louder = measured.energy_db - baseline.energy_db
        if louder >= LOUDER_DB or louder <= QUIETER_DB:
            style = VoiceStyle.LOUD if louder > 0 else VoiceStyle.QUIET
            found.append((style, f"{louder:+.0f} dB against their usual"))
    ratio = _ratio(measured.words_per_s, baseline.words_per_s)
    if ratio is not None and (ratio >= FASTER or ratio <= SLOWER):
        style = VoiceStyle.FAST if ratio > 1 else VoiceStyle.SLOW
        found.append((style, f"{measured.words_per_s:.1f} words a second, {ratio:.1f} of their usual"))
    spread = measured.pitch_range_semitones
    if spread is not None and spread <= MONOTONE_SEMITONES:
        found.append((VoiceStyle.MONOTONE, f"pitch varies by {spread:.1f} semitones"))
    return tuple(style for style, _ in found), [Evidence(style.value, text, *span) for style, text in found]


def _difference_semitones(measured: Prosody, baseline: Baseline) -> float | None:
    if measured.pitch_hz is None or baseline.pitch_hz is None:
        return None
    return float(measure.semitones(measured.pitch_hz, baseline.pitch_hz))


def _ratio(value: float | None, usual: float | None) -> float | None:
    return None if value is None or not usual else value / usual

"""How the voice sounds, claimed only from what was measured; each claim names its span and its number. Pure.

The thresholds lie where fewer than 3 of 100 turns of read speech (LibriSpeech) reach them, or, where two numbers
must agree, fewer still.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base import Baseline, Evidence, Prosody
from ..labels import VoiceStyle
from . import measure

LOUDER_DB, QUIETER_DB = 5.0, -5.0
SHOUTED_DB, SHOUTED_SEMITONES = 10.0, 4.0
FASTER, SLOWER = 1.25, 0.78
MONOTONE_SEMITONES = 1.2
"""Standard deviation of pitch below which speech sounds monotone (lively reading has 3 and more)."""
FLAT_SEMITONES, FLAT_DB = 2.0, 7.3
BRIGHT_SEMITONES, BRIGHT_RANGE = 2.5, 1.2
MOVED_SEMITONES = 2.0
"""From here on a higher or lower voice is worth a line of evidence."""
OCTAVE_LEAP = 11.0
"""A pitch this far from the usual is rather the tracker's slip by an octave."""
TENSE_TILT_DB = 3.0
TREMOR_SEMITONES, TREMOR_JITTER = 2.5, 0.2
HOARSE_JITTER, HOARSE_SHIMMER_DB = 0.25, 2.6
WHISPERED_VOICING = 0.12
WINDOW = 100
"""Hops of the window that names where in the turn the pitch left its usual most: 1 s."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Contours:
    """Hop by hop (10 ms): level in dB, pitch in Hz (0 unvoiced), and where somebody speaks."""

    level_db: Floats
    pitch_hz: Floats
    speech: NDArray[np.bool_]

    @property
    def voicing(self) -> float:
        """Share of the speech that is voiced."""
        count = min(len(self.pitch_hz), len(self.speech))
        spoken = self.speech[:count]
        return float((self.pitch_hz[:count] > 0)[spoken].mean()) if spoken.any() else 0.0


Claim = tuple[VoiceStyle, str]


def read(
    measured: Prosody, baseline: Baseline, contours: Contours, span: tuple[int, int]
) -> tuple[tuple[VoiceStyle, ...], tuple[Evidence, ...]]:
    """Styles of a turn, and what each rests on; `span` is the turn, in samples."""
    claims = [*_against_usual(measured, baseline), *_outright(measured, contours)]
    evidence = [Evidence(style.value, text, *span) for style, text in claims]
    moved = _moved(contours.pitch_hz, baseline.pitch_hz)
    return tuple(style for style, _ in claims), tuple(evidence + ([moved] if moved is not None else []))


def _against_usual(measured: Prosody, baseline: Baseline) -> Iterator[Claim]:
    louder = None if baseline.energy_db is None else measured.energy_db - baseline.energy_db
    higher = difference_semitones(measured, baseline)
    if louder is not None and louder >= LOUDER_DB:
        yield VoiceStyle.LOUD, f"{louder:+.0f} dB against their usual"
        if louder >= SHOUTED_DB and higher is not None and higher >= SHOUTED_SEMITONES:
            yield VoiceStyle.SHOUT, f"{louder:+.0f} dB and {higher:+.1f} semitones against their usual"
    if louder is not None and louder <= QUIETER_DB:
        yield VoiceStyle.QUIET, f"{louder:+.0f} dB against their usual"
    faster = ratio(measured.words_per_s, baseline.words_per_s)
    if faster is not None and measured.words_per_s is not None and not SLOWER < faster < FASTER:
        style = VoiceStyle.FAST if faster > 1 else VoiceStyle.SLOW
        yield style, f"{measured.words_per_s:.1f} words a second, {faster:.1f} of their usual"
    wider = ratio(measured.pitch_range_semitones, baseline.pitch_range_semitones)
    if higher is not None and higher >= BRIGHT_SEMITONES and wider is not None and wider >= BRIGHT_RANGE:
        yield VoiceStyle.BRIGHT, f"{higher:+.1f} semitones and {wider:.1f} of the pitch range against their usual"
    if measured.tilt_db_per_octave is not None and baseline.tilt_db_per_octave is not None:
        flatter = measured.tilt_db_per_octave - baseline.tilt_db_per_octave
        if flatter >= TENSE_TILT_DB:
            yield VoiceStyle.TENSE, f"spectrum {flatter:+.1f} dB an octave against their usual"


def _outright(measured: Prosody, contours: Contours) -> Iterator[Claim]:
    """Claims that need no usual."""
    spread = measured.pitch_range_semitones
    if spread is not None and spread <= MONOTONE_SEMITONES:
        yield VoiceStyle.MONOTONE, f"pitch varies by {spread:.1f} semitones"
    if spread is not None and spread <= FLAT_SEMITONES and measured.energy_range_db <= FLAT_DB:
        yield VoiceStyle.FLAT, f"pitch varies by {spread:.1f} semitones and level by {measured.energy_range_db:.1f} dB"
    if contours.speech.sum() >= 70 and contours.voicing <= WHISPERED_VOICING:
        yield VoiceStyle.WHISPER, f"{contours.voicing:.0%} of the speech is voiced"
    jitter, shimmer = measured.jitter, measured.shimmer
    if jitter is None or shimmer is None:
        return
    tremor = measure.tremor_semitones(contours.pitch_hz)
    if tremor is not None and tremor >= TREMOR_SEMITONES and jitter >= TREMOR_JITTER:
        yield VoiceStyle.TREMBLING, f"pitch trembles by {tremor:.1f} semitones, jitter {jitter:.2f}"
    if jitter >= HOARSE_JITTER and shimmer >= HOARSE_SHIMMER_DB:
        yield VoiceStyle.HOARSE, f"jitter {jitter:.2f}, shimmer {shimmer:.1f} dB"


def _moved(pitch_hz: Floats, usual_hz: float | None) -> Evidence | None:
    """Where in the turn the pitch was furthest from the usual, and how far."""
    voiced = pitch_hz > 0
    if usual_hz is None or voiced.sum() < WINDOW // 4:
        return None
    best: tuple[float, int] | None = None
    for start in range(0, max(1, len(pitch_hz) - WINDOW + 1), WINDOW // 4):
        heard = pitch_hz[start : start + WINDOW][voiced[start : start + WINDOW]]
        if len(heard) >= WINDOW // 4:
            moved = float(measure.semitones(float(np.median(heard)), usual_hz))
            best = (moved, start) if best is None or abs(moved) > abs(best[0]) else best
    if best is None or not MOVED_SEMITONES <= abs(best[0]) < OCTAVE_LEAP:
        return None
    moved, start = best
    side = "above" if moved > 0 else "below"
    end = min(start + WINDOW, len(pitch_hz))
    text = f"pitch {abs(moved):.1f} semitones {side} their usual"
    return Evidence("higher voice" if moved > 0 else "lower voice", text, start * measure.HOP, end * measure.HOP)


def difference_semitones(measured: Prosody, baseline: Baseline) -> float | None:
    if measured.pitch_hz is None or baseline.pitch_hz is None:
        return None
    return float(measure.semitones(measured.pitch_hz, baseline.pitch_hz))


def ratio(value: float | None, usual: float | None) -> float | None:
    return None if value is None or not usual else value / usual

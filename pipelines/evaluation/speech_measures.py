"""What a synthesized sentence measures like, and how well it does what its style asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples, Style
from ...models.cues import measure

Floats = NDArray[np.float32]

HOPS_A_SECOND = 100
WIDEST_SEMITONES = 9.0
"""Pitch further than this from the sentence's median is taken for a slip of the tracker by an octave."""
LIMENS = {"pitch": 0.7, "range": float(np.log(7 / 6)), "energy": 1.5, "rate": float(np.log(1.04))}
"""About the least that a listener tells apart: semitones, log factor, dB, log factor."""


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """One sentence: its pitch contour (Hz a 10 ms hop, 0 unvoiced), level in dB, and length of speech in seconds."""

    contour: Floats
    level_db: float
    speech_s: float


def voiceprint(audio: Samples) -> Voiceprint:
    """Of a sentence at 16 kHz; silence before and after does not count."""
    speech = np.flatnonzero(measure.speech_hops(measure.energy_db(audio)))
    if not len(speech):
        return Voiceprint(np.zeros(0, np.float32), -100.0, 0.0)
    first, last = int(speech[0]), int(speech[-1]) + 1
    spoken = audio[first * measure.HOP : last * measure.HOP]
    level = 10 * np.log10(float(np.square(spoken).mean()) + 1e-10)
    return Voiceprint(measure.pitch_hz(audio), float(level), (last - first) / HOPS_A_SECOND)


def shift(neutral: Voiceprint, styled: Voiceprint) -> float:
    """Semitones by which `styled` lies higher, hop by hop: for styles that leave the timing as it is."""
    one, other = _both(neutral, styled)
    return float(np.median(other - one)) if len(one) else 0.0


def widening(neutral: Voiceprint, styled: Voiceprint) -> float:
    """Factor by which pitch deviates more than in `neutral`, hop by hop (least squares, slips left out)."""
    one, other = _both(neutral, styled)
    if len(one) < 10:
        return 1.0
    slope = 1.0
    kept = np.ones(len(one), np.bool_)
    for _ in range(3):
        x, y = one[kept] - one[kept].mean(), other[kept] - other[kept].mean()
        slope = float(x @ y / max(x @ x, 1e-9))
        residual = np.abs((other - other[kept].mean()) - slope * (one - one[kept].mean()))
        kept = residual <= max(1.0, float(np.percentile(residual, 90)))
    return slope


def _both(one: Voiceprint, other: Voiceprint) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Pitch in semitones where both have a voice."""
    count = min(len(one.contour), len(other.contour))
    a, b = one.contour[:count], other.contour[:count]
    voiced = (a > 0) & (b > 0)
    first, second = 12 * np.log2(a[voiced]), 12 * np.log2(b[voiced])
    if not len(first):
        return first, second
    near = np.abs(first - np.median(first)) < WIDEST_SEMITONES
    return first[near], second[near]


def features(neutral: Voiceprint, styled: Voiceprint) -> dict[str, float]:
    """A delivery against the neutral one: semitones of the median, and logs of range and rate, dB."""
    (height, spread), (base, usual) = _pitch(styled), _pitch(neutral)
    return {
        "pitch": height - base,
        "range": float(np.log(max(spread, 0.1) / max(usual, 0.1))),
        "energy": styled.level_db - neutral.level_db,
        "rate": float(np.log(max(neutral.speech_s, 0.01) / max(styled.speech_s, 0.01))),
    }


def _pitch(print_: Voiceprint) -> tuple[float, float]:
    """Median in semitones, and the spread from the 15th to the 85th percentile."""
    voiced = 12 * np.log2(print_.contour[print_.contour > 0])
    if not len(voiced):
        return 0.0, 0.0
    near = voiced[np.abs(voiced - np.median(voiced)) < WIDEST_SEMITONES]
    return float(np.median(near)), float(np.ptp(np.percentile(near, (15, 85))))


def asked(style: Style) -> dict[str, float]:
    """The same numbers as of `features`, as a compiled style asks for them."""
    return {
        "pitch": style.pitch_semitones,
        "range": float(np.log(style.pitch_range)),
        "energy": style.energy_db,
        "rate": float(np.log(style.rate)),
    }


def told_apart(
    measured: Mapping[str, Mapping[str, float]], wanted: Mapping[str, Mapping[str, float]]
) -> tuple[int, int]:
    """Pairs of tones of one sentence whose measurements say which is which, and pairs in all.

    A pair is right if its two deliveries differ in the direction in which their tones do, in steps of a limen each.
    """
    right = count = 0
    for one, other in combinations(sorted(measured), 2):
        along = sum(
            (measured[one][key] - measured[other][key]) * (wanted[one][key] - wanted[other][key]) / limen**2
            for key, limen in LIMENS.items()
        )
        right, count = right + (along > 0), count + 1
    return right, count


MELS, MEL_WINDOW, MEL_HOP = 80, 1024, 256
LOUD_DB = 50.0
"""Frames further below the loudest do not count in a spectral distance."""


def spectral_distance_db(one: Floats, other: Floats, rate_hz: int) -> float:
    """Mean over frames of the root mean square difference of 80 mel bands, of two sounds [n] that run in step."""
    length = min(len(one), len(other))
    filters, loudness = _mel_filters(rate_hz), []
    bands = []
    for sound in (one[:length], other[:length]):
        padded = np.concatenate([sound, np.zeros(MEL_WINDOW, np.float32)])
        frames = np.lib.stride_tricks.sliding_window_view(padded, MEL_WINDOW)[::MEL_HOP] * np.hanning(MEL_WINDOW)
        power = np.square(np.abs(np.fft.rfft(frames)))
        loudness.append(10 * np.log10(power.sum(1) + 1e-9))
        bands.append(10 * np.log10(power @ filters.T + 1e-4))
    loud = loudness[0] > loudness[0].max() - LOUD_DB
    return float(np.sqrt(np.square(bands[0] - bands[1])[loud].mean(1)).mean())


def _mel_filters(rate_hz: int) -> Floats:
    """Triangles [80, 513] between 50 Hz and near half the rate, evenly spaced in mel (O'Shaughnessy 1987)."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (50, 0.46 * rate_hz))
    edges = 700 * (10 ** (np.linspace(lowest, highest, MELS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(MEL_WINDOW, 1 / rate_hz)
    rise = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)), np.float32)


def monotone(values: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


def timing_error_ms(ours: Sequence[tuple[str, int]], heard: Sequence[tuple[str, int]], rate_hz: int) -> list[float]:
    """Differences in ms between where we say words begin (samples at `rate_hz`) and where they are heard (at 16 kHz).

    Only of words that both have at the same place.
    """
    if [word for word, _ in ours] != [word for word, _ in heard]:
        return []
    return [abs(a / rate_hz - b / HEARING_RATE_HZ) * 1000 for (_, a), (_, b) in zip(ours, heard, strict=True)]

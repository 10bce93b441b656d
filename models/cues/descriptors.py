"""What a voice measures like, frame by frame and over a turn, in numpy: the features beside the encoder's. Pure.

The choice follows the Geneva minimalistic set (Eyben et al. 2016, "GeMAPS for voice research and affective
computing"): pitch, level, spectral balance and slope, cepstra, voicing rhythm, each with a few functionals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base import HEARING_RATE_HZ, Samples
from . import measure

WINDOW = 512
HOP = measure.HOP
BANDS = 26
CEPSTRA = 12
PITCH_REFERENCE_HZ = 55.0

Floats = NDArray[np.float32]

_HAMMING = np.hamming(WINDOW).astype(np.float32)
_HZ = np.fft.rfftfreq(WINDOW, 1 / HEARING_RATE_HZ)


def _mel_bank() -> Floats:
    """Triangular filters from 60 Hz to 7.6 kHz, [BANDS, WINDOW // 2 + 1]."""
    low, high = 1127 * np.log1p(np.array([60.0, 7600.0]) / 700)
    mels = np.linspace(low, high, BANDS + 2)
    edges = 700 * np.expm1(mels / 1127)
    rising = (_HZ - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - _HZ) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)


_MEL = _mel_bank()
_DCT = np.cos(np.pi / BANDS * np.outer(np.arange(1, CEPSTRA + 1), np.arange(BANDS) + 0.5)).astype(np.float32)

LOW_LEVEL = (
    "level",
    "alpha_ratio",
    "hammarberg",
    "slope_low",
    "slope_high",
    "flux",
    "centroid",
    *(f"cepstrum_{index}" for index in range(1, CEPSTRA + 1)),
)
"""Columns of `low_level`."""


def low_level(audio: Samples) -> Floats:
    """Descriptors of each 10 ms hop, [n, len(LOW_LEVEL)]: dB, dB, dB, dB an octave (twice), dB, octaves, cepstra."""
    if len(audio) < WINDOW:
        return np.zeros((0, len(LOW_LEVEL)), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP] * _HAMMING
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).astype(np.float32) / np.float32(WINDOW)
    bands = 10 * np.log10(power @ _MEL.T + 1e-9)
    low, high = _mean_db(power, 60, 1000), _mean_db(power, 1000, 5000)
    columns = [
        10 * np.log10(power.mean(axis=1) + 1e-10),
        low - high,
        _max_db(power, 0, 2000) - _max_db(power, 2000, 5000),
        _slope(bands[:, :6]),
        _slope(bands[:, 5:16]),
        np.abs(np.diff(bands, axis=0, prepend=bands[:1])).mean(axis=1),
        np.log2(np.maximum((power @ _HZ) / np.maximum(power.sum(axis=1), 1e-12), 50.0)),
    ]
    return np.column_stack([*columns, bands @ _DCT.T / BANDS]).astype(np.float32)


def _mean_db(power: Floats, low_hz: float, high_hz: float) -> Floats:
    return np.asarray(10 * np.log10(power[:, (low_hz <= _HZ) & (high_hz > _HZ)].mean(axis=1) + 1e-10), np.float32)


def _max_db(power: Floats, low_hz: float, high_hz: float) -> Floats:
    return np.asarray(10 * np.log10(power[:, (low_hz <= _HZ) & (high_hz > _HZ)].max(axis=1) + 1e-10), np.float32)


def _slope(bands: Floats) -> Floats:
    """Least-squares slope over neighbouring mel bands, dB a band, [n]."""
    steps = np.arange(bands.shape[1]) - (bands.shape[1] - 1) / 2
    return np.asarray((bands @ steps) / (steps @ steps), np.float32)


def functionals(frames: Floats, pitch: Floats, speech: NDArray[np.bool_]) -> dict[str, float]:
    """A turn in numbers, by name. `frames` as of `low_level`, `pitch` and `speech` a hop each; nan where unmeasured."""
    count = min(len(frames), len(pitch), len(speech))
    frames, pitch, speech = frames[:count], pitch[:count], speech[:count]
    voiced = pitch > 0
    numbers: dict[str, float] = {}
    for index, name in enumerate(LOW_LEVEL):
        numbers |= _spread(name, frames[speech, index])
    for index in (1, 2, 3, 4, 7, 8, 9):
        numbers[f"{LOW_LEVEL[index]}_voiced"] = _mean(frames[voiced, index])
    tones = measure.semitones(pitch[voiced], PITCH_REFERENCE_HZ)
    numbers |= _spread("pitch", tones) | _movement("pitch", pitch, voiced)
    return numbers | _rhythm(frames[:, 0], voiced, speech)


def _spread(name: str, values: NDArray[np.floating]) -> dict[str, float]:
    if len(values) < 3:
        return {f"{name}_{part}": float("nan") for part in ("mean", "sd", "low", "high", "change")}
    low, high = np.percentile(values, (15, 85))
    return {
        f"{name}_mean": float(values.mean()),
        f"{name}_sd": float(values.std()),
        f"{name}_low": float(low),
        f"{name}_high": float(high),
        f"{name}_change": float(np.abs(np.diff(values)).mean()),
    }


def _movement(name: str, pitch: Floats, voiced: NDArray[np.bool_]) -> dict[str, float]:
    """Mean speed of rises and falls, semitones a second, and the drift over the turn."""
    pairs = voiced[1:] & voiced[:-1]
    if pairs.sum() < 5:
        return {f"{name}_{part}": float("nan") for part in ("rise", "fall", "drift")}
    tones = measure.semitones(np.where(voiced, pitch, PITCH_REFERENCE_HZ), PITCH_REFERENCE_HZ)
    steps = np.clip(np.diff(tones)[pairs], -3, 3) * 100
    where = np.flatnonzero(voiced)
    drift = np.polyfit(where / 100, tones[where], 1)[0] if np.ptp(where) > 30 else float("nan")
    return {
        f"{name}_rise": _mean(steps[steps > 0]),
        f"{name}_fall": _mean(steps[steps < 0]),
        f"{name}_drift": float(drift),
    }


def _rhythm(level: Floats, voiced: NDArray[np.bool_], speech: NDArray[np.bool_]) -> dict[str, float]:
    """Rates a second and mean lengths in seconds of voiced stretches and loudness peaks (near syllables)."""
    spoken = np.flatnonzero(speech)
    if len(spoken) < 10:
        names = ("voiced_share", "voiced_rate", "voiced_length", "peak_rate", "pause_share", "peak_height")
        return dict.fromkeys(names, float("nan"))
    inside = slice(spoken[0], spoken[-1] + 1)
    seconds = (spoken[-1] + 1 - spoken[0]) / 100
    starts = int((np.diff(voiced[inside].astype(np.int8)) == 1).sum()) + int(voiced[inside][0])
    smooth = np.convolve(level[inside], np.hanning(9) / np.hanning(9).sum(), "same")
    middle = smooth[1:-1]
    peaks = (middle > smooth[:-2]) & (middle >= smooth[2:]) & speech[inside][1:-1]
    return {
        "voiced_share": float(voiced[inside].mean()),
        "voiced_rate": starts / seconds,
        "voiced_length": float(voiced[inside].sum()) / 100 / max(starts, 1),
        "peak_rate": float(peaks.sum()) / seconds,
        "pause_share": float(1 - speech[inside].mean()),
        "peak_height": _mean(middle[peaks]) - float(smooth.mean()),
    }


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else float("nan")

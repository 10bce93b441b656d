"""Measurements of a voice, in numpy: pitch, energy, pauses, jitter, shimmer, spectral tilt. Pure.

Pitch by normalised autocorrelation with parabolic peak interpolation (after Boersma 1993, "Accurate short-term
analysis of the fundamental frequency"): windows of 40 ms every 10 ms, divided by the window's own correlation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base import HEARING_RATE_HZ, Samples

HOP = HEARING_RATE_HZ // 100
WINDOW = HEARING_RATE_HZ // 25
LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0
VOICED_FROM = 0.5
"""Height of the correlation peak from which a frame counts as voiced."""
SILENCE_BELOW_PEAK_DB = 35.0
QUIETEST_DB = -70.0

Floats = NDArray[np.float32]

_HANN = np.hanning(WINDOW).astype(np.float32)


def energy_db(audio: Samples) -> Floats:
    """Level of each 10 ms hop in dB full scale, [n]."""
    count = len(audio) // HOP
    power = np.square(audio[: count * HOP]).reshape(count, HOP).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def pitch_hz(audio: Samples) -> Floats:
    """Fundamental frequency of each 10 ms hop in Hz, 0 where unvoiced, [n]."""
    frames = _frames(audio)
    if not len(frames):
        return np.zeros(0, np.float32)
    frames = frames - frames.mean(axis=1, keepdims=True)
    size = 2 * WINDOW
    spectrum = np.fft.rfft(frames * _HANN, size, axis=1)
    raw = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, : WINDOW // 2 + 1]
    own = np.fft.irfft(np.abs(np.fft.rfft(_HANN, size)) ** 2, size)[: WINDOW // 2 + 1]
    correlation = raw / np.maximum(raw[:, :1], 1e-9) / (own / own[0])
    return _peaks(correlation, energy_db(audio)[: len(frames)])


def _peaks(correlation: NDArray[np.floating], level_db: Floats) -> Floats:
    low, high = int(HEARING_RATE_HZ / HIGHEST_HZ), min(int(HEARING_RATE_HZ / LOWEST_HZ), correlation.shape[1] - 2)
    lags = np.arange(low, high)
    # a small price an octave keeps the tracker from halving the pitch
    scored = correlation[:, low:high] - 0.02 * np.log2(lags / low)
    best = low + np.argmax(scored, axis=1)
    rows = np.arange(len(best))
    before, at, after = correlation[rows, best - 1], correlation[rows, best], correlation[rows, best + 1]
    curve = before - 2 * at + after
    shift = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(curve == 0, 1, curve), 0.0)
    pitch = HEARING_RATE_HZ / (best + np.clip(shift, -1, 1))
    loud = level_db > max(QUIETEST_DB, float(level_db.max()) - SILENCE_BELOW_PEAK_DB)
    voiced = (at >= VOICED_FROM) & loud & (before <= at) & (after <= at)
    return np.where(_steady(voiced), pitch, 0.0).astype(np.float32)


def _steady(voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voicing shorter than 30 ms is chance."""
    padded = np.concatenate([[False], voiced, [False]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    kept = np.zeros_like(voiced)
    for start, end in zip(starts, ends, strict=True):
        if end - start >= 3:
            kept[start:end] = True
    return kept


def semitones(pitch: NDArray[np.floating] | float, reference_hz: float) -> NDArray[np.floating]:
    return 12 * np.log2(np.asarray(pitch) / reference_hz)


def speech_hops(level_db: Floats) -> NDArray[np.bool_]:
    """Hops that are not silence, against the loudest."""
    if not len(level_db):
        return np.zeros(0, np.bool_)
    return np.asarray(level_db > max(QUIETEST_DB, float(np.percentile(level_db, 95)) - SILENCE_BELOW_PEAK_DB))


def pauses(level_db: Floats, shortest_s: float = 0.2) -> list[tuple[int, int]]:
    """Silences inside the speech, as (start, end) in samples."""
    speech = speech_hops(level_db)
    spoken = np.flatnonzero(speech)
    if not len(spoken):
        return []
    gaps = np.flatnonzero(np.diff(spoken) - 1 >= shortest_s * 100)
    return [(int(spoken[g] + 1) * HOP, int(spoken[g + 1]) * HOP) for g in gaps]


def jitter(pitch: Floats) -> float | None:
    """Mean relative change of the period from hop to hop within voiced stretches (hop-level, not cycle-level)."""
    pairs = (pitch[1:] > 0) & (pitch[:-1] > 0)
    if pairs.sum() < 5:
        return None
    periods = 1 / np.where(pitch > 0, pitch, 1)
    change = np.abs(np.diff(periods))[pairs]
    return float(np.mean(change) / np.mean(periods[1:][pairs]))


def tremor_semitones(pitch: Floats) -> float | None:
    """Deviation of the pitch's quick movement (about 4 to 20 Hz) within voiced stretches of 0.3 s and more."""
    padded = np.concatenate([[False], pitch > 0, [False]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    squares, count = 0.0, 0
    for start, end in zip(starts, ends, strict=True):
        if end - start < 30:
            continue
        tones = semitones(pitch[start:end], LOWEST_HZ)
        quick = np.convolve(tones, np.ones(5) / 5, "same") - np.convolve(tones, np.ones(25) / 25, "same")
        squares, count = squares + float(np.square(quick[12:-12]).sum()), count + len(quick) - 24
    return float(np.sqrt(squares / count)) if count > 20 else None


def shimmer(level_db: Floats, pitch: Floats) -> float | None:
    """Mean change of the level from hop to hop within voiced stretches, dB."""
    count = min(len(level_db), len(pitch))
    pairs = (pitch[1:count] > 0) & (pitch[: count - 1] > 0)
    if pairs.sum() < 5:
        return None
    return float(np.mean(np.abs(np.diff(level_db[:count]))[pairs]))


def tilt_db_per_octave(audio: Samples, pitch: Floats) -> float | None:
    """Slope of the mean voiced spectrum from 100 Hz to 5 kHz: flatter is more pressed, steeper softer."""
    frames = _frames(audio)
    count = min(len(frames), len(pitch))
    voiced = frames[:count][pitch[:count] > 0]
    if len(voiced) < 5:
        return None
    power = (np.abs(np.fft.rfft(voiced * _HANN, axis=1)) ** 2).mean(axis=0)
    hz = np.fft.rfftfreq(WINDOW, 1 / HEARING_RATE_HZ)
    band = (hz >= 100) & (hz <= 5000)
    return float(np.polyfit(np.log2(hz[band]), 10 * np.log10(power[band] + 1e-12), 1)[0])


def _frames(audio: Samples) -> NDArray[np.float32]:
    """Windows of 40 ms every 10 ms, [n, WINDOW]."""
    if len(audio) < WINDOW:
        return np.zeros((0, WINDOW), np.float32)
    return np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP]

"""A style's numbers upon durations, pitch and loudness. Pure.

The numbers are compiled ones (`tones.compiled`). Pitch contours are in Hz, two values a frame of 25 ms; energy as
Kokoro knows it hardly moves the level of its sound (0.4 dB a unit), so loudness is set upon the sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base import Style

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

UNVOICED_HZ, VOICED_HZ = 20.0, 60.0
"""Kokoro's contour falls to some 8 Hz where nothing is voiced; in between a style takes hold by degrees."""
WIDEST_SEMITONES = 9.0
"""Deviations from the phrase's median beyond this are shifted, not widened."""
RANGE_EXPONENT = 1.08
"""The vocoder's sound follows a change of range by some nine tenths (log), so a little more is asked of it."""
LOWEST_HZ, HIGHEST_HZ = 60.0, 550.0
FALL_VALUES = 48
"""The last 0.6 s: where a phrase falls."""
PAUSES = ",.;:!?—…"
PAUSE_EXPONENT = 1.5
"""Whoever slows down does so in pauses more than in sounds (Goldman-Eisler 1968)."""
TILT_A_DB = 0.4
"""A louder voice is also brighter: dB over `TILT_HZ` that come with a dB of level (Traunmüller & Eriksson 2000)."""
TILT_TAPS = 25
"""Taps of the smoothing that parts low from high: half at 1.4 kHz."""
KNEE = 0.8
"""Level over which peaks are bent."""


def durations(lengths: Floats, sounds: str, rate: float) -> Ints:
    """Frames of each phoneme, at least one: in all those of rate 1, divided by `rate`. For slow speech; what is said
    faster is laid out at rate 1 (tempo.py says why).

    `lengths` [n + 2] are the model's own, pads included; `sounds` the n phonemes.
    """
    natural: Ints = np.maximum(np.round(lengths), 1).astype(np.int64)
    if rate == 1.0:
        return natural
    pause = np.array([False, *(sound in PAUSES for sound in sounds), False])
    weights = natural * np.where(pause, rate ** (1 - PAUSE_EXPONENT), 1.0)
    total = max(len(natural), round(int(natural.sum()) / rate))
    wanted = weights / weights.sum() * total
    frames: Ints = np.maximum(np.floor(wanted), 1).astype(np.int64)
    left = total - int(frames.sum())
    for i in np.argsort(frames - wanted)[: max(0, left)]:
        frames[i] += 1
    while left < 0:
        frames[int(np.argmax(np.where(frames > 1, frames - wanted, -np.inf)))] -= 1
        left += 1
    return frames


def shaped_pitch(pitch: Floats, style: Style, *, falls: bool) -> Floats:
    """The contour [1, n], shifted, widened about its median, and lowered at its end where the phrase `falls`."""
    voiced: Floats = pitch[pitch > VOICED_HZ]
    if not len(voiced):
        return pitch
    grip = np.clip((pitch - UNVOICED_HZ) / (VOICED_HZ - UNVOICED_HZ), 0, 1)
    away = 12 * np.log2(np.maximum(pitch, 1) / np.median(voiced))
    wider = style.pitch_range**RANGE_EXPONENT - 1
    semitones = style.pitch_semitones + wider * np.clip(away, -WIDEST_SEMITONES, WIDEST_SEMITONES)
    if falls and style.final_lowering_semitones:
        last = int(np.flatnonzero(pitch[0] > VOICED_HZ)[-1]) + 1
        first = max(0, last - FALL_VALUES)
        semitones[0, first:] -= style.final_lowering_semitones * np.minimum(
            np.arange(1, pitch.shape[1] - first + 1) / (last - first), 1
        )
    shaped = pitch * 2 ** (grip * semitones / 12)
    bounded = np.clip(shaped, LOWEST_HZ, HIGHEST_HZ)
    return np.asarray(np.where(pitch > VOICED_HZ, bounded, shaped), np.float32)


def shaped_sound(audio: Floats, energy_db: float) -> Floats:
    """The sound, louder and brighter or softer and duller by `energy_db`; peaks are bent, never clipped."""
    if energy_db:
        smooth = np.hanning(TILT_TAPS + 2)[1:-1]
        low = np.convolve(audio, smooth / smooth.sum(), "same")
        tilt = 10 ** (TILT_A_DB * energy_db / 20)
        audio = ((low + (audio - low) * tilt) * 10 ** (energy_db / 20)).astype(np.float32)
    over = np.maximum(np.abs(audio) - KNEE, 0)
    bent = KNEE + (1 - KNEE) * np.tanh(over / (1 - KNEE))
    return np.asarray(np.where(over > 0, np.sign(audio) * bent, audio), np.float32)

"""What microphones, rooms and lines do to a voice: copies of a recording for training and robustness tests.

Everything takes and gives float32 mono at 16 kHz and is drawn from the generator given, so a seed repeats it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

TELEPHONE_HZ = 8_000
MU = 255.0
"""Companding constant of G.711 mu-law."""


@dataclass(frozen=True, slots=True)
class Materials:
    """Room impulse responses and background noises to draw from."""

    rooms: tuple[Samples, ...] = ()
    noises: tuple[Samples, ...] = ()


def varied(audio: Samples, materials: Materials, rng: np.random.Generator) -> Samples:
    """One plausible other recording of the same sound: level always, each of the rest by chance."""
    if rng.random() < 0.3:
        audio = at_speed(audio, float(rng.uniform(0.92, 1.09)))
    if materials.rooms and rng.random() < 0.4:
        audio = in_room(audio, materials.rooms[rng.integers(len(materials.rooms))], float(rng.uniform(0.2, 0.8)))
    if materials.noises and rng.random() < 0.5:
        audio = with_noise(audio, materials.noises[rng.integers(len(materials.noises))], float(rng.uniform(8, 30)), rng)
    audio = at_level(audio, float(rng.uniform(-14, 8)))
    line = rng.random()
    if line < 0.12:
        return by_telephone(audio)
    return compressed(audio) if line < 0.3 else audio


def at_level(audio: Samples, gain_db: float) -> Samples:
    """Louder or quieter, clipped as a converter clips."""
    return np.asarray(np.clip(audio * np.float32(10 ** (gain_db / 20)), -1, 1), np.float32)


def at_speed(audio: Samples, factor: float) -> Samples:
    """Faster and higher (factor above 1), or slower and lower, as a tape would."""
    return np.asarray(soxr.resample(audio, HEARING_RATE_HZ * factor, HEARING_RATE_HZ), np.float32)


def in_room(audio: Samples, impulse: Samples, wet: float = 0.5) -> Samples:
    """The voice in a room, `wet` of it reflected; the level of the voice stays."""
    peak = int(np.argmax(np.abs(impulse)))
    size = len(audio) + len(impulse)
    echo = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(impulse, size), size)[peak : peak + len(audio)]
    mixed = (1 - wet) * audio + wet * echo * (_level(audio) / max(_level(echo), 1e-9))
    return np.asarray(mixed * (_level(audio) / max(_level(mixed), 1e-9)), np.float32)


def with_noise(audio: Samples, noise: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """A stretch of the noise under the voice, `snr_db` below its mean level."""
    start = int(rng.integers(len(noise)))
    under = np.resize(np.roll(noise, -start), len(audio))
    gain = _level(audio) / max(_level(under), 1e-9) * 10 ** (-snr_db / 20)
    return np.asarray(audio + under * gain, np.float32)


def by_telephone(audio: Samples) -> Samples:
    """8 kHz and G.711 mu-law there and back."""
    narrow = np.clip(soxr.resample(audio, HEARING_RATE_HZ, TELEPHONE_HZ), -1, 1)
    companded = np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU)
    quantised = np.round(companded * 127) / 127
    expanded = np.sign(quantised) * np.expm1(np.abs(quantised) * np.log1p(MU)) / MU
    return _fitted(soxr.resample(expanded.astype(np.float32), TELEPHONE_HZ, HEARING_RATE_HZ), len(audio))


def compressed(audio: Samples) -> Samples:
    """Opus there and back, at the bit rate libsndfile picks for speech."""
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, HEARING_RATE_HZ, format="OGG", subtype="OPUS")
    buffer.seek(0)
    return _fitted(soundfile.read(buffer, dtype="float32")[0], len(audio))


def _level(audio: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(audio)))) if len(audio) else 0.0


def _fitted(audio: Samples, size: int) -> Samples:
    return np.asarray(np.pad(audio[:size], (0, max(0, size - len(audio)))), np.float32)

"""Recordings as clients use them: mono at 24 kHz, and where the speech in them begins and ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from ..server.protocol import PCM_RATE_HZ
from .errors import UnreadableAudio
from .turn import Pcm

HOP = PCM_RATE_HZ // 100
"""Levels are taken every 10 ms."""
BELOW_PEAK_DB = 35.0
ABOVE_FLOOR_DB = 8.0
LEAST_DB = 20.0
"""What is so little below the loudest part is speech, whatever the floor: there may be no silence in a recording."""
SHORTEST_HOPS = 3
"""A burst shorter than 30 ms is a click, not speech."""


def read(path: Path) -> Pcm:
    """Any common audio file as 24 kHz mono. Raises UnreadableAudio."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        why = "there is no such file" if not path.exists() else str(error)
        raise UnreadableAudio(f"cannot read {path} as audio: {why}") from None
    if not len(samples):
        raise UnreadableAudio(f"{path} holds no sound")
    mono = samples.mean(axis=1)
    if rate != PCM_RATE_HZ:
        mono = soxr.resample(mono, rate, PCM_RATE_HZ)
    return np.asarray(np.clip(mono, -1, 1) * 32767, np.int16)


def write(path: Path, pcm: Pcm) -> None:
    """24 kHz mono to a file of the kind that its name says; WAV where it says none."""
    kind = None if path.suffix[1:].upper() in soundfile.available_formats() else "WAV"
    soundfile.write(path, pcm, PCM_RATE_HZ, subtype="PCM_16", format=kind)


def seconds(pcm: Pcm) -> float:
    return len(pcm) / PCM_RATE_HZ


def levels_db(pcm: Pcm) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Root mean square of every 10 ms, dB full scale."""
    count = len(pcm) // HOP
    frames = pcm[: count * HOP].astype(np.float64).reshape(count, HOP) / 32768
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-10))


def speech_bounds_s(pcm: Pcm) -> tuple[float, float]:
    """Where the first speech begins and the last one ends, in seconds; the whole length where all is silent.

    Speech is what lies within 35 dB of the loudest part and 8 dB above the recording's own floor (its quietest
    tenth), for 30 ms at least: for clean recordings, not for noise.
    """
    level = levels_db(pcm)
    if not len(level) or level.max() < -60:
        return 0.0, seconds(pcm)
    loudest = float(np.percentile(level, 99))
    floor = min(float(np.percentile(level, 10)) + ABOVE_FLOOR_DB, loudest - LEAST_DB)
    loud = level > max(loudest - BELOW_PEAK_DB, floor)
    kept = np.convolve(loud, np.ones(SHORTEST_HOPS), "same") >= SHORTEST_HOPS
    where = np.flatnonzero(kept)
    if not len(where):
        return 0.0, seconds(pcm)
    reach = SHORTEST_HOPS // 2
    step_s = HOP / PCM_RATE_HZ
    return float((where[0] - reach) * step_s), float((where[-1] + reach + 1) * step_s)


def trimmed(pcm: Pcm) -> Pcm:
    """The speech of a recording, without the silence around it."""
    start, end = speech_bounds_s(pcm)
    return pcm[int(start * PCM_RATE_HZ) : int(end * PCM_RATE_HZ)]

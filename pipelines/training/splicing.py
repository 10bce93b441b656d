"""Speech with a laugh, a cough or another sound spliced in at a known place: what event heads learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.base import HEARING_RATE_HZ, Samples
from ...models.cues import measure
from .augment import with_noise

LONGEST_SPEECH_S, LONGEST_SOUND_S = 4.0, 4.0
GAP_S = 0.0, 0.4


@dataclass(frozen=True, slots=True)
class Spliced:
    """The recording, and where in it the sound lies, in samples."""

    audio: Samples
    start: int
    end: int


def sounding(audio: Samples) -> Samples:
    """The recording without the silence before and after."""
    hops = np.flatnonzero(measure.speech_hops(measure.energy_db(audio)))
    return audio[hops[0] * measure.HOP : (hops[-1] + 1) * measure.HOP] if len(hops) else audio


def spliced(speech: Samples, sound: Samples, rng: np.random.Generator) -> Spliced:
    """The sound before, after or amid the speech, at a level like the speech's; short gaps between."""
    speech, sound = _excerpt(sounding(speech), LONGEST_SPEECH_S, rng), _excerpt(sounding(sound), LONGEST_SOUND_S, rng)
    gain = _level(speech) / max(_level(sound), 1e-6) * 10 ** (rng.uniform(-6, 9) / 20)
    cut = (0, len(speech), int(rng.integers(len(speech) + 1)))[int(rng.integers(3))]
    before, after = (np.zeros(int(rng.uniform(*GAP_S) * HEARING_RATE_HZ), np.float32) for _ in range(2))
    start = cut + len(before)
    parts = [speech[:cut], before, np.clip(sound * np.float32(gain), -1, 1), after, speech[cut:]]
    return Spliced(np.concatenate(parts).astype(np.float32), start, start + len(sound))


def over(speech: Samples, noise: Samples, rng: np.random.Generator) -> Samples:
    """Speech before a noise that is nobody's: an example of no event."""
    return with_noise(_excerpt(speech, 2 * LONGEST_SPEECH_S, rng), noise, float(rng.uniform(0, 20)), rng)


def _excerpt(audio: Samples, longest_s: float, rng: np.random.Generator) -> Samples:
    spare = len(audio) - int(longest_s * HEARING_RATE_HZ)
    start = int(rng.integers(spare + 1)) if spare > 0 else 0
    return audio[start : start + int(longest_s * HEARING_RATE_HZ)]


def _level(audio: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(audio)))) if len(audio) else 0.0

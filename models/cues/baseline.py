"""What is usual for a speaker: running means over their turns, so that a naturally loud person is not "loud"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base import Baseline, Cues

LONGEST_MEMORY = 12
"""From this many turns on, old ones fade: rooms and microphones change."""
LONGEST_VOICE_MEMORY = 40
"""The same for the voice's numbers: there are many, so their mean takes longer to settle."""


def updated(baseline: Baseline, cues: Cues) -> Baseline:
    """The baseline with one more turn; a turn without measurements changes nothing."""
    measured = cues.prosody
    if measured is None:
        return baseline
    turns = baseline.turns + 1
    share = 1 / min(turns, LONGEST_MEMORY)
    voice_turns = baseline.voice_turns + (cues.voice is not None)
    return Baseline(
        turns=turns,
        pitch_hz=_mean(baseline.pitch_hz, measured.pitch_hz, share),
        pitch_range_semitones=_mean(baseline.pitch_range_semitones, measured.pitch_range_semitones, share),
        energy_db=_mean(baseline.energy_db, measured.energy_db, share),
        words_per_s=_mean(baseline.words_per_s, measured.words_per_s, share),
        tilt_db_per_octave=_mean(baseline.tilt_db_per_octave, measured.tilt_db_per_octave, share),
        voice=_vector_mean(baseline.voice, cues.voice, 1 / min(max(voice_turns, 1), LONGEST_VOICE_MEMORY)),
        voice_turns=voice_turns,
    )


def with_turn(baseline: Baseline, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the voice's numbers over the turns so far and this one: who speaks changes less than how."""
    if baseline.voice is None:
        return numbers
    share = 1 / (min(baseline.voice_turns, LONGEST_VOICE_MEMORY) + 1)
    return np.array(_vector_mean(baseline.voice, tuple(numbers.tolist()), share), np.float32)


def _mean(old: float | None, new: float | None, share: float) -> float | None:
    if new is None or old is None:
        return old if new is None else new
    return old + share * (new - old)


def _vector_mean(
    old: tuple[float, ...] | None, new: tuple[float, ...] | None, share: float
) -> tuple[float, ...] | None:
    """Number by number; one that is unmeasured (nan) on either side leaves the other."""
    if new is None or old is None:
        return old if new is None else new
    before, now = np.array(old), np.array(new)
    step = np.where(np.isnan(before), now, before + share * (now - before))
    return tuple(np.where(np.isnan(now), before, step).tolist())

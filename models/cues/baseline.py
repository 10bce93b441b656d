"""What is usual for a speaker: running means over their turns, so that a naturally loud person is not "loud"."""

from __future__ import annotations

from ..base import Baseline, Cues

LONGEST_MEMORY = 12
"""From this many turns on, old ones fade: rooms and microphones change."""


def updated(baseline: Baseline, cues: Cues) -> Baseline:
    """The baseline with one more turn; a turn without measurements changes nothing."""
    measured = cues.prosody
    if measured is None:
        return baseline
    turns = baseline.turns + 1
    share = 1 / min(turns, LONGEST_MEMORY)
    return Baseline(
        turns=turns,
        pitch_hz=_mean(baseline.pitch_hz, measured.pitch_hz, share),
        pitch_range_semitones=_mean(baseline.pitch_range_semitones, measured.pitch_range_semitones, share),
        energy_db=_mean(baseline.energy_db, measured.energy_db, share),
        words_per_s=_mean(baseline.words_per_s, measured.words_per_s, share),
    )


def _mean(old: float | None, new: float | None, share: float) -> float | None:
    if new is None or old is None:
        return old if new is None else new
    return old + share * (new - old)

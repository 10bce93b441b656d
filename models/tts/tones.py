"""How each tone sounds, as numbers against the neutral voice: the one table that every synthesizer compiles. Pure.

Directions are those on which studies of vocal expression agree (Juslin & Laukka 2003: tenderness and sadness
slow, soft, low and narrow; happiness fast, loud, high and wide). Sizes are kept within what people do in
conversation, and apart by more than a listener's difference limen (`affetto eval speech` measures both).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..base import Style
from ..labels import Tone

TONES: Mapping[Tone, Style] = {
    Tone.NEUTRAL: Style(Tone.NEUTRAL),
    Tone.GENTLE: Style(Tone.GENTLE, 0.92, 0.4, 0.85, -3.5, 0.5),
    Tone.WARM: Style(Tone.WARM, 0.95, -0.7, 1.12, -1.2, 0.5),
    Tone.CALM: Style(Tone.CALM, 0.90, -1.3, 0.70, -2.0, 1.0),
    Tone.BRIGHT: Style(Tone.BRIGHT, 1.07, 2.2, 1.30, 2.0),
    Tone.PLAYFUL: Style(Tone.PLAYFUL, 1.03, 1.2, 1.60, 0.5, -1.0),
    Tone.SERIOUS: Style(Tone.SERIOUS, 0.95, -2.2, 0.85, 0.8, 2.0),
    Tone.ENCOURAGING: Style(Tone.ENCOURAGING, 1.02, 1.0, 1.20, 1.2),
    Tone.APOLOGETIC: Style(Tone.APOLOGETIC, 0.87, -0.4, 0.70, -5.0, -0.5),
}
"""Tone: rate, semitones, range factor, dB, final lowering in semitones."""

RATES = (0.5, 2.5)
SEMITONES = (-12.0, 12.0)
RANGES = (0.0, 2.5)
DECIBELS = (-20.0, 9.0)


def compiled(style: Style) -> Style:
    """The tone's numbers and the style's own in one, within what a voice can do; rates and ranges multiply."""
    tone = TONES[style.tone]
    return replace(
        style,
        rate=_within(style.rate * tone.rate, RATES),
        pitch_semitones=_within(style.pitch_semitones + tone.pitch_semitones, SEMITONES),
        pitch_range=_within(style.pitch_range * tone.pitch_range, RANGES),
        energy_db=_within(style.energy_db + tone.energy_db, DECIBELS),
        final_lowering_semitones=style.final_lowering_semitones + tone.final_lowering_semitones,
    )


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])

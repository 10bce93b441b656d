"""Our own mood: the tone of a reply moves from the last one's by a bounded step, as a steady person's does. Pure.

Tones are points in valence-arousal-dominance space (Mehrabian 1996), and a persona of Big Five traits says how far a
step may be and which way it leans, as in personality-affected mood transition (Wen et al. 2021, PELD). Joy is met
with joy; anger is not mirrored; after a giggle, grief is met warmly before it is met softly. In a crisis the tone is
what safety says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import dist

from ...models.base import Appraisal, Situation
from ...models.labels import Emotion, Risk, Tone

Point = tuple[float, float, float]

TONES: dict[Tone, Point] = {
    Tone.GENTLE: (0.3, -0.5, -0.2),
    Tone.WARM: (0.5, -0.1, 0.0),
    Tone.CALM: (0.2, -0.6, 0.2),
    Tone.BRIGHT: (0.8, 0.5, 0.2),
    Tone.PLAYFUL: (0.8, 0.5, 0.4),
    Tone.SERIOUS: (-0.2, -0.2, 0.3),
    Tone.ENCOURAGING: (0.6, 0.2, 0.3),
    Tone.APOLOGETIC: (-0.1, -0.3, -0.4),
    Tone.NEUTRAL: (0.1, -0.1, 0.1),
}
"""Valence, arousal, dominance, each -1..1: our own placing, by ear."""
SHORTEST_STEP, LONGEST_STEP = 0.75, 1.18
LEAN = 0.3
"""How far a trait at its end moves the tone that is aimed at."""
LIVELY = frozenset({Tone.BRIGHT, Tone.PLAYFUL})
HEAVY = frozenset(
    {
        Emotion.SAD, Emotion.GRIEVING, Emotion.LONELY, Emotion.DISAPPOINTED, Emotion.HURT, Emotion.ASHAMED,
        Emotion.GUILTY, Emotion.ANXIOUS, Emotion.AFRAID, Emotion.OVERWHELMED, Emotion.FRUSTRATED, Emotion.ANGRY,
        Emotion.DISGUSTED, Emotion.JEALOUS, Emotion.NUMB,
    }
)  # fmt: skip
"""To these nobody answers brightly."""


@dataclass(frozen=True, slots=True)
class Persona:
    """The Big Five, each 0..1; 0.5 is everybody. Neuroticism lengthens the step, extraversion leans to arousal,
    agreeableness to valence, conscientiousness to calm, openness a little to play."""

    openness: float = 0.5
    conscientiousness: float = 0.5
    extraversion: float = 0.5
    agreeableness: float = 0.5
    neuroticism: float = 0.3

    @property
    def step(self) -> float:
        """Longest way of one reply's tone from the last one's."""
        return SHORTEST_STEP + self.neuroticism * (LONGEST_STEP - SHORTEST_STEP)

    @property
    def lean(self) -> Point:
        return (
            LEAN * (2 * self.agreeableness - 1),
            LEAN * (2 * self.extraversion - 2 * self.conscientiousness),
            LEAN * (self.openness - 0.5),
        )


EVERYBODY = Persona()


def moved(appraisal: Appraisal, situation: Situation, persona: Persona = EVERYBODY) -> Appraisal:
    """The appraisal with the tone that our mood allows."""
    if appraisal.risk is Risk.CRISIS:
        return appraisal
    last = situation.past[-1].appraisal if situation.past else None
    return replace(appraisal, tone=tone(appraisal.tone, appraisal.emotion, last.tone if last else None, persona))


def tone(wanted: Tone, felt: Emotion, last: Tone | None, persona: Persona = EVERYBODY) -> Tone:
    """Of the tones within reach of the last one, the nearest to the wanted one, as the persona leans."""
    fitting = [each for each in Tone if not (felt in HEAVY and each in LIVELY)]
    reach = [each for each in fitting if last is None or dist(TONES[each], TONES[last]) <= persona.step]
    aim = _sum(TONES[wanted], persona.lean)
    return min(reach or fitting, key=lambda each: (round(dist(TONES[each], aim), 6), each is not wanted))


def _sum(a: Point, b: Point) -> Point:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])

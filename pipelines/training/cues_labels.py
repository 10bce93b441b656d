"""What the corpora's own labels say in ours: distributions over families, the finer label, events, age and gender."""

from __future__ import annotations

from collections.abc import Mapping

from ...models.cues.families import LABELS, OF_WORDS
from ...models.labels import AgeBand, Emotion, Gender, VocalEvent

E = Emotion
OURS = frozenset(map(str, Emotion))

BASIC: Mapping[str, Emotion] = {
    **dict.fromkeys(("neutral", "neu", "calm", "boredom", "bored", "serenity", "natural"), E.NEUTRAL),
    **dict.fromkeys(("happy", "happiness", "hap", "joy", "joyful", "amusement", "exc"), E.HAPPY),
    **dict.fromkeys(("sad", "sadness"), E.SAD),
    **dict.fromkeys(("angry", "anger", "ang", "fru", "frustration"), E.ANGRY),
    **dict.fromkeys(("fear", "fearful", "afraid", "fea", "anxiety"), E.AFRAID),
    **dict.fromkeys(("disgust", "disgusted", "dis", "contempt"), E.DISGUSTED),
    **dict.fromkeys(("surprise", "surprised", "sur", "pleasant_surprise", "ps"), E.SURPRISED),
}
"""Labels of corpora of acted speech, in their usual spellings."""

FINER: Mapping[str, Emotion] = {"calm": E.CONTENT, "serenity": E.CONTENT, "boredom": E.TIRED, "bored": E.TIRED}

BURSTS: Mapping[str, Mapping[Emotion, float]] = {
    "Amusement": {E.AMUSED: 1},
    "Anger": {E.ANGRY: 1},
    "Awe": {E.SURPRISED: 1},
    "Confusion": {E.CONFUSED: 1},
    "Contempt": {E.DISGUSTED: 0.6, E.ANGRY: 0.4},
    "Contentment": {E.CONTENT: 0.7, E.HAPPY: 0.3},
    "Disappointment": {E.DISAPPOINTED: 1},
    "Disgust": {E.DISGUSTED: 1},
    "Distress": {E.ANXIOUS: 0.6, E.AFRAID: 0.2, E.SAD: 0.2},
    "Ecstasy": {E.EXCITED: 0.6, E.HAPPY: 0.4},
    "Elation": {E.EXCITED: 0.5, E.HAPPY: 0.5},
    "Embarrassment": {E.EMBARRASSED: 1},
    "Fear": {E.AFRAID: 1},
    "Guilt": {E.GUILTY: 1},
    "Neutral": {E.NEUTRAL: 1},
    "Pain": {E.HURT: 0.6, E.AFRAID: 0.4},
    "Pride": {E.PROUD: 1},
    "Relief": {E.RELIEVED: 1},
    "Sadness": {E.SAD: 1},
    "Serenity": {E.CONTENT: 1},
    "Shame": {E.ASHAMED: 1},
    "Surprise (Negative)": {E.SURPRISED: 0.8, E.AFRAID: 0.2},
    "Surprise (Positive)": {E.SURPRISED: 0.8, E.HAPPY: 0.2},
    "Triumph": {E.PROUD: 0.5, E.EXCITED: 0.5},
}
"""EmoGator's vocal bursts. Adoration, desire, interest, realization, romantic love and sympathy have no label of ours
that they would teach, and are left out."""

SOFT: Mapping[str, Mapping[Emotion, float]] = {"boredom": {E.NEUTRAL: 0.6, E.SAD: 0.4}}
"""Labels that lie between families."""

EVENTS: Mapping[str, VocalEvent] = {
    **dict.fromkeys(("laughing", "laugh", "laughter"), VocalEvent.LAUGH),
    **dict.fromkeys(("coughing", "cough"), VocalEvent.COUGH),
    **dict.fromkeys(("sneezing", "sneeze"), VocalEvent.SNEEZE),
    **dict.fromkeys(("breathing", "breath", "sigh"), VocalEvent.SIGH),
    **dict.fromkeys(("crying baby", "baby_cry", "crying", "cry", "sob"), VocalEvent.SOB),
}
BURST_EVENTS: Mapping[str, VocalEvent] = {"Amusement": VocalEvent.LAUGH, "Relief": VocalEvent.SIGH}
"""Bursts that mostly are these sounds."""

GENDERS: Mapping[str, Gender] = {
    **dict.fromkeys(("f", "female", "w"), Gender.FEMALE),
    **dict.fromkeys(("m", "male"), Gender.MALE),
}
OLDEST_CHILD, YOUNGEST_ADULT = 12, 18


def family(label: str) -> Emotion | None:
    """The family that a corpus' label, or one of our own labels, names; `None` for one that is neither."""
    lowered = label.strip().lower()
    return BASIC.get(lowered) or (OF_WORDS[Emotion(lowered)] if lowered in OURS else None)


def finer(label: str) -> Emotion | None:
    """The label of `LABELS` that the voice may learn to give for it."""
    lowered = label.strip().lower()
    named = FINER.get(lowered) or (Emotion(lowered) if lowered in OURS else BASIC.get(lowered))
    return named if named in LABELS else family(label)


def age_band(age: str) -> AgeBand | None:
    """Child to 12, adult from 18; between them, and where no number is given, unknown."""
    if not age.strip().isdecimal():
        return None
    years = int(age)
    return AgeBand.CHILD if years <= OLDEST_CHILD else AgeBand.ADULT if years >= YOUNGEST_ADULT else None

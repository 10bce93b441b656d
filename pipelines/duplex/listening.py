"""We listen aloud: which small sound, if any, to make at a pause inside a long turn. Pure."""

from __future__ import annotations

from ...models.base import Cues
from ...models.labels import Emotion, Tone, VocalEvent, VoiceStyle
from .actions import Murmur

TURN_FROM_MS = 4000
"""Short turns need no encouragement."""
APART_MS = 6000
"""People make one about every six seconds of listening; more would be mannered."""
HANGING_BELOW = 0.4
"""Completion under which the speaker plainly goes on: a sound does not take the floor then."""

_HEAVY = {Emotion.SAD, Emotion.GRIEVING, Emotion.HURT, Emotion.LONELY, Emotion.ASHAMED, Emotion.AFRAID}
_LIGHT = {Emotion.HAPPY, Emotion.EXCITED, Emotion.AMUSED, Emotion.PROUD, Emotion.RELIEVED}
_WEEPING = {VocalEvent.SOB, VocalEvent.SNIFF, VocalEvent.SIGH}


def murmur(
    cues: Cues | None, *, completion: float, turn_ms: int, since_last_ms: int | None, count: int
) -> Murmur | None:
    """The sound to make now, or none. `count` of those made already varies it."""
    fresh = since_last_ms is None or since_last_ms >= APART_MS
    if completion >= HANGING_BELOW or turn_ms < TURN_FROM_MS or not fresh:
        return None
    if _heavy(cues):
        return Murmur(("Oh.", "Mm.")[count % 2], Tone.GENTLE)
    if _light(cues):
        return Murmur(("Mm-hm!", "Oh!")[count % 2], Tone.BRIGHT)
    return Murmur(("Mm-hm.", "Mm.", "Right.")[count % 3], Tone.WARM)


def _heavy(cues: Cues | None) -> bool:
    if cues is None:
        return False
    sad = VoiceStyle.TREMBLING in cues.style or any(span.event in _WEEPING for span in cues.events)
    return sad or _likeliest(cues) in _HEAVY


def _light(cues: Cues | None) -> bool:
    if cues is None:
        return False
    return any(span.event is VocalEvent.LAUGH for span in cues.events) or _likeliest(cues) in _LIGHT


def _likeliest(cues: Cues) -> Emotion | None:
    if not cues.emotion:
        return None
    label, probability = max(cues.emotion.items(), key=lambda pair: pair[1])
    return label if probability >= 0.4 else None

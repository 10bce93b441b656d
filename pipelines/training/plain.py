"""Feelings named outright ("I'm so lonely"): people say them to a listener, and stories seldom do. Original text."""

from __future__ import annotations

from collections.abc import Iterator

from ...models.labels import Emotion
from .goemotions import Remark

WEIGHT = 0.3
"""Of one of them, beside 1 for a turn of the corpus."""
FRAMES = (
    "I'm so {}.", "I feel {}.", "I'm {}.", "Honestly, I'm {}.", "I've been {} all day.", "I'm just {} right now.",
    "I don't know, I'm {}.", "I felt {} today.", "To be honest I'm pretty {}.", "It makes me feel {}.",
)  # fmt: skip
NAMES: dict[Emotion, str] = {
    Emotion.NEUTRAL: "okay, neither good nor bad;alright, nothing special",
    Emotion.HAPPY: "happy;glad;delighted;in such a good mood",
    Emotion.EXCITED: "excited;thrilled;over the moon;buzzing",
    Emotion.CONTENT: "content;at peace;relaxed;comfortable",
    Emotion.GRATEFUL: "grateful;thankful;lucky to have them",
    Emotion.PROUD: "proud;proud of myself;proud of her",
    Emotion.AMUSED: "amused;laughing so hard;in stitches",
    Emotion.HOPEFUL: "hopeful;optimistic;looking forward to it;hopeful for once",
    Emotion.RELIEVED: "relieved;glad it's over;finally able to breathe",
    Emotion.SURPRISED: "surprised;amazed;stunned;astonished",
    Emotion.SAD: "sad;down;unhappy;miserable;crying;heartbroken",
    Emotion.GRIEVING: "grieving;in mourning;missing him so much;lost without her",
    Emotion.LONELY: "lonely;alone;alone at night;left out;isolated",
    Emotion.DISAPPOINTED: "disappointed;let down;gutted it didn't work",
    Emotion.HURT: "hurt;wounded;hurt by what she said;betrayed",
    Emotion.ASHAMED: "ashamed;ashamed of myself;disgusted with myself",
    Emotion.GUILTY: "guilty;sorry for what I did;to blame for this",
    Emotion.ANXIOUS: "anxious;nervous;worried;on edge;stressed about tomorrow",
    Emotion.AFRAID: "afraid;scared;terrified;frightened",
    Emotion.OVERWHELMED: "overwhelmed;swamped;drowning in all of it;at breaking point",
    Emotion.FRUSTRATED: "frustrated;annoyed;fed up;irritated",
    Emotion.ANGRY: "angry;furious;mad at him;livid",
    Emotion.DISGUSTED: "disgusted;grossed out;sickened by it",
    Emotion.JEALOUS: "jealous;envious;jealous of her",
    Emotion.EMBARRASSED: "embarrassed;mortified;awkward about it",
    Emotion.TIRED: "tired;exhausted;worn out;shattered",
    Emotion.NUMB: "numb;empty;empty inside;nothing at all",
    Emotion.CONFUSED: "confused;lost;puzzled;not sure what to think",
}
"""Ways to name each, for the frames."""


def remarks() -> Iterator[Remark]:
    for emotion, names in NAMES.items():
        for name in names.split(";"):
            for frame in FRAMES:
                yield Remark(frame.format(name), emotion, WEIGHT)

"""The seven families of emotion that acted corpora tell apart, and which of our labels each holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..labels import Emotion

FAMILIES: Mapping[Emotion, tuple[Emotion, ...]] = {
    Emotion.NEUTRAL: (Emotion.NEUTRAL, Emotion.CONTENT, Emotion.TIRED),
    Emotion.HAPPY: (Emotion.HAPPY, Emotion.EXCITED, Emotion.AMUSED, Emotion.PROUD, Emotion.RELIEVED),
    Emotion.SAD: (
        Emotion.SAD,
        Emotion.DISAPPOINTED,
        Emotion.HURT,
        Emotion.ASHAMED,
        Emotion.GUILTY,
        Emotion.EMBARRASSED,
    ),
    Emotion.ANGRY: (Emotion.ANGRY,),
    Emotion.AFRAID: (Emotion.AFRAID, Emotion.ANXIOUS),
    Emotion.DISGUSTED: (Emotion.DISGUSTED,),
    Emotion.SURPRISED: (Emotion.SURPRISED, Emotion.CONFUSED),
}
"""Labels that the training data supports, by family; the other labels of `Emotion` are never given by the voice."""

HEADS = tuple(FAMILIES)
LABELS = tuple(label for members in FAMILIES.values() for label in members)
FAMILY_OF = {label: family for family, members in FAMILIES.items() for label in members}

OF_WORDS: Mapping[Emotion, Emotion] = FAMILY_OF | {
    Emotion.GRATEFUL: Emotion.HAPPY,
    Emotion.HOPEFUL: Emotion.HAPPY,
    Emotion.GRIEVING: Emotion.SAD,
    Emotion.LONELY: Emotion.SAD,
    Emotion.NUMB: Emotion.SAD,
    Emotion.OVERWHELMED: Emotion.AFRAID,
    Emotion.FRUSTRATED: Emotion.ANGRY,
    Emotion.JEALOUS: Emotion.ANGRY,
}
"""Family of every label: words tell more apart than voices do."""

VALENCE_AROUSAL_DOMINANCE: Mapping[Emotion, tuple[float, float, float]] = {
    Emotion.NEUTRAL: (0.0, 0.0, 0.0),
    Emotion.HAPPY: (0.81, 0.51, 0.46),
    Emotion.SAD: (-0.63, -0.27, -0.33),
    Emotion.ANGRY: (-0.51, 0.59, 0.25),
    Emotion.AFRAID: (-0.64, 0.60, -0.43),
    Emotion.DISGUSTED: (-0.60, 0.35, 0.11),
    Emotion.SURPRISED: (0.40, 0.67, -0.13),
}
"""Mean ratings of the family's name: Russell & Mehrabian 1977, "Evidence for a three-factor theory of emotions"."""


def affect(families: Mapping[Emotion, float]) -> tuple[float, float, float]:
    """Valence, arousal and dominance in [-1, 1]: the mean of the families' ratings under their probabilities."""
    total = max(sum(families.values()), 1e-9)
    sums = [0.0, 0.0, 0.0]
    for family, probability in families.items():
        for index, value in enumerate(VALENCE_AROUSAL_DOMINANCE[family]):
            sums[index] += probability * value
    valence, arousal, dominance = (value / total for value in sums)
    return valence, arousal, dominance


def gathered(labels: Mapping[Emotion, float]) -> dict[Emotion, float]:
    """Label probabilities summed by family."""
    sums = dict.fromkeys(HEADS, 0.0)
    for label, probability in labels.items():
        sums[OF_WORDS[label]] += probability
    return sums

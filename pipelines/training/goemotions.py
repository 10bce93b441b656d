"""GoEmotions (Demszky et al. 2020, Apache-2.0): remarks from Reddit with the emotions that readers saw in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...models.labels import Emotion

OURS = {
    "amusement": Emotion.AMUSED, "anger": Emotion.ANGRY, "annoyance": Emotion.FRUSTRATED, "confusion": Emotion.CONFUSED,
    "disappointment": Emotion.DISAPPOINTED, "disgust": Emotion.DISGUSTED, "embarrassment": Emotion.EMBARRASSED,
    "excitement": Emotion.EXCITED, "fear": Emotion.AFRAID, "gratitude": Emotion.GRATEFUL, "grief": Emotion.GRIEVING,
    "joy": Emotion.HAPPY, "nervousness": Emotion.ANXIOUS, "optimism": Emotion.HOPEFUL, "pride": Emotion.PROUD,
    "relief": Emotion.RELIEVED, "remorse": Emotion.GUILTY, "sadness": Emotion.SAD, "surprise": Emotion.SURPRISED,
    "neutral": Emotion.NEUTRAL,
}  # fmt: skip
"""Labels that mean the same in our vocabulary; remarks with any other are left out."""

WEIGHT = 0.1
"""Of a remark from Reddit: nobody there speaks to a listener."""


class BadGoEmotions(ValueError):
    """The folder does not hold the data; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Remark:
    """`weight` is what it counts beside a turn of the corpus."""

    text: str
    emotion: Emotion
    weight: float = WEIGHT


def read(folder: Path, *, most_of_each: int) -> Iterator[Remark]:
    """Remarks of train.tsv with just one label, at most so many of each. Raises BadGoEmotions."""
    try:
        names = (folder / "labels.txt").read_text(encoding="utf-8").split()
        lines = (folder / "train.tsv").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadGoEmotions(f"{folder} needs labels.txt and train.tsv: {error.strerror}") from None
    counts: dict[Emotion, int] = {}
    for line in lines:
        text, _, rest = line.partition("\t")
        number = rest.partition("\t")[0]
        emotion = OURS.get(names[int(number)]) if number.isdecimal() and int(number) < len(names) else None
        if emotion is not None and counts.get(emotion, 0) < most_of_each:
            counts[emotion] = counts.get(emotion, 0) + 1
            yield Remark(text, emotion)

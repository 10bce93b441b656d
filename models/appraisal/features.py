"""What the small appraiser looks at, as numbers: the words, what went before, and the voice. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..base import Cues, PastTurn, Situation
from ..labels import Emotion, Need, Risk, Tactic, VocalEvent, VoiceStyle

Floats = NDArray[np.float32]
Embed = Callable[[str], Floats]

EMOTIONS, STYLES, EVENTS = tuple(Emotion), tuple(VoiceStyle), tuple(VocalEvent)
RISKS, TACTICS, NEEDS = tuple(Risk), tuple(Tactic), tuple(Need)
CUES_WIDTH = len(EMOTIONS) + len(STYLES) + len(EVENTS) + 5
MARKS = ("?", "!", "...", "not", "fine", "okay", "what should", "any ideas", "advice", "how do i", "help me", "can you")
"""Plain marks that a sentence vector blurs: questions, denials, "fine", and asking for advice."""
_TOKEN = re.compile(r"[a-z0-9']+|[?!]")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and pairs of words that count, with their weights (TF-IDF, logarithmic counts, length 1)."""

    weights: Mapping[str, tuple[int, float]]
    """Position in the vector, and inverse document frequency."""

    def vector(self, text: str) -> Floats:
        out = np.zeros(len(self.weights), np.float32)
        for gram, count in Counter(grams(text)).items():
            if found := self.weights.get(gram):
                out[found[0]] = (1 + np.log(count)) * found[1]
        length = float(np.linalg.norm(out))
        return out / length if length else out


def grams(text: str) -> Iterator[str]:
    """Words in lower case, and each two that stand together."""
    words = _TOKEN.findall(text.lower().replace("’", "'"))
    yield from words
    yield from (f"{a} {b}" for a, b in pairwise(words))


def vector(situation: Situation, embedding: Floats, vocabulary: Vocabulary) -> Floats:
    """[sentence vector | marks | voice | last turn | words], float32."""
    parts = (
        embedding,
        marks(situation.text),
        cues_vector(situation.cues),
        past_vector(situation.past),
        vocabulary.vector(situation.text),
    )
    return np.concatenate(parts).astype(np.float32)


def past_vector(past: Sequence[PastTurn]) -> Floats:
    """What we made of the last turn: its emotion, risk, tactics and need; all zero where there was none."""
    last = past[-1].appraisal if past else None
    chosen = () if last is None else (last.emotion, last.risk, *last.tactics, last.need)
    labels = (*EMOTIONS, *RISKS, *TACTICS, *NEEDS)
    flags = [float(any(label is one for one in chosen)) for label in labels]
    return np.array([*flags, min(len(past), 4) / 4], np.float32)


def marks(text: str) -> Floats:
    lowered = f" {text.lower()} "
    found = [float(mark in lowered) for mark in MARKS]
    return np.array([*found, min(len(text.split()), 40) / 20], np.float32)


def cues_vector(cues: Cues | None) -> Floats:
    """The voice; all zero where it is unknown, with numbers that say what is known."""
    out = np.zeros(CUES_WIDTH, np.float32)
    if cues is None:
        return out
    for label, probability in (cues.emotion or {}).items():
        out[EMOTIONS.index(label)] = probability
    for style in cues.style:
        out[len(EMOTIONS) + STYLES.index(style)] = 1
    for span in cues.events:
        out[len(EMOTIONS) + len(STYLES) + EVENTS.index(span.event)] = 1
    confidence = 0.5 if cues.confidence is None else cues.confidence
    out[-5:] = (cues.valence or 0, cues.arousal or 0, confidence, float(cues.emotion is not None), 1)
    return out

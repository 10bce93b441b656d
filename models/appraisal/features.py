"""What the small appraiser looks at, as numbers: the words, what went before, and the voice. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..base import Cues, PastTurn, Situation
from ..labels import Emotion, Risk, Tactic, VocalEvent, VoiceStyle

Floats = NDArray[np.float32]
Embed = Callable[[str], Floats]

EMOTIONS, STYLES, EVENTS = tuple(Emotion), tuple(VoiceStyle), tuple(VocalEvent)
RISKS, TACTICS = tuple(Risk), tuple(Tactic)
CUES_WIDTH = len(EMOTIONS) + len(STYLES) + len(EVENTS) + 5
PAST_WIDTH = len(EMOTIONS) + len(RISKS) + len(TACTICS) + 1
WORDS = ("?", "!", "...", "not", "fine", "okay", "what should", "any ideas", "advice", "how do i", "help me", "can you")
"""Plain marks that a sentence vector blurs: questions, denials, "fine", and asking for advice."""


def vector(situation: Situation, embed: Embed) -> Floats:
    """[what was said | said together with what went before | marks | voice], float32."""
    context = situation.text
    if situation.past:
        last = situation.past[-1]
        context = f"{last.user} {last.reply} {situation.text}"
    parts = [embed(situation.text), embed(context[-600:]), marks(situation.text), cues_vector(situation.cues)]
    parts.append(past_vector(situation.past))
    return np.concatenate(parts).astype(np.float32)


def past_vector(past: Sequence[PastTurn]) -> Floats:
    """What we made of the last turn: its emotion, risk and tactics; all zero where there was none."""
    out = np.zeros(PAST_WIDTH, np.float32)
    last = past[-1].appraisal if past else None
    if last is not None:
        out[EMOTIONS.index(last.emotion)] = 1
        out[len(EMOTIONS) + RISKS.index(last.risk)] = 1
        for tactic in last.tactics:
            out[len(EMOTIONS) + len(RISKS) + TACTICS.index(tactic)] = 1
    out[-1] = min(len(past), 4) / 4
    return out


def marks(text: str) -> Floats:
    lowered = f" {text.lower()} "
    found = [float(mark in lowered) for mark in WORDS]
    return np.array([*found, min(len(text.split()), 40) / 20], np.float32)


def cues_vector(cues: Cues | None) -> Floats:
    """The voice; all zero where it is unknown, with one number that says whether it is known."""
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

"""When has the user finished? The delay from a pause to the end of the turn, from how the pause sounds."""

from __future__ import annotations

from ...models.base import HEARING_RATE_HZ, Cues
from ...models.labels import VocalEvent, VoiceStyle
from .config import Eagerness, SemanticVad, ServerVad, TurnDetection

SURE_MS = 200
"""Delay when the turn surely is done: the gap people leave (Stivers et al. 2009, PNAS 106:10587: mode near 200 ms)."""
HANGING_MS = 2000
"""Delay when the sentence surely hangs."""
DISTRESS_MS = 1000
"""Added when the voice sobs, trembles or gropes for words: crying people pause long inside a turn."""
LONGEST_MS: dict[Eagerness, int] = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""Longest wait of OpenAI's `semantic_vad`, by eagerness."""
EAGERNESS_FACTOR: dict[Eagerness, float] = {"low": 1.6, "medium": 1.0, "auto": 1.0, "high": 0.7}
BETWEEN = 0.85, 0.15
"""Completion at which the pause counts as surely done, and as surely hanging."""

_DISTRESS_EVENTS = {VocalEvent.SOB, VocalEvent.SNIFF, VocalEvent.SIGH, VocalEvent.GASP}
_DISTRESS_STYLES = {VoiceStyle.TREMBLING, VoiceStyle.BREATHLESS}
_HANGING_WORDS = {
    "and", "but", "so", "or", "because", "the", "a", "an", "my", "to", "of", "with", "um", "uh", "er", "hmm",
    "like", "that", "if", "when", "i", "we", "it's", "i'm", "was", "is",
}  # fmt: skip


def commit_delay_ms(
    detection: TurnDetection, completion: float | None, cues: Cues | None = None, text: str = ""
) -> int:
    """Milliseconds of silence after which the turn ends.

    `ServerVad` waits its fixed silence. `SemanticVad` goes from `SURE_MS` to `HANGING_MS` as completion falls
    (linear between the two values of `BETWEEN`), adds `DISTRESS_MS` for a voice in distress or a last word
    that wants another, and never waits longer than its eagerness allows. An unknown completion counts as 0.5.
    """
    if isinstance(detection, ServerVad):
        return detection.silence_duration_ms
    sure, hanging = BETWEEN
    share = min(1.0, max(0.0, (sure - (0.5 if completion is None else completion)) / (sure - hanging)))
    delay = (SURE_MS + share * (HANGING_MS - SURE_MS)) * EAGERNESS_FACTOR[detection.eagerness]
    delay += DISTRESS_MS * (_in_distress(cues) or _hangs(text))
    return round(min(max(delay, SURE_MS), LONGEST_MS[detection.eagerness]))


def longest_delay_ms(detection: TurnDetection) -> int:
    """The wait that ends a turn even when nothing could be judged."""
    if isinstance(detection, SemanticVad):
        return commit_delay_ms(detection, None) + DISTRESS_MS
    return detection.silence_duration_ms


def samples(milliseconds: float) -> int:
    return round(milliseconds * HEARING_RATE_HZ / 1000)


def milliseconds(count: int) -> int:
    return count * 1000 // HEARING_RATE_HZ


def _in_distress(cues: Cues | None) -> bool:
    if cues is None:
        return False
    return any(span.event in _DISTRESS_EVENTS for span in cues.events) or bool(_DISTRESS_STYLES & set(cues.style))


def _hangs(text: str) -> bool:
    stripped = text.strip().lower()
    if not stripped or stripped[-1] in ".?!":
        return stripped.endswith("...")
    return stripped.rstrip(",-").split()[-1:] != [] and stripped.rstrip(",- ").split()[-1] in _HANGING_WORDS

"""When has the user finished? The delay from a pause to the end of the turn, from how the pause sounds."""

from __future__ import annotations

from itertools import pairwise
from math import log

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
URGENT_MS = 800
"""Longest wait once the words tell of a crisis: a breath, whatever the sentence wants."""
EAGERNESS_FACTOR: dict[Eagerness, float] = {"low": 1.6, "medium": 1.0, "auto": 1.0, "high": 0.7}
CLOSURE_WEIGHT = 0.8
"""Share of the recogniser's full stop in the score; the turn detector has the rest (docs/timing.md)."""
KNOTS = (-4.0, HANGING_MS), (-2.0, 1600), (0.75, 1600), (1.25, 800), (3.5, SURE_MS)
"""Score (log-odds that the turn is done) and delay; straight lines between. Found by `affetto eval turns`."""
ANSWER_FROM = 0.0
"""Score from which an answer is begun before the turn has ended: likelier done than not."""
AGAINST = -1.0
"""Log-odds below which the turn detector's do not count beside the recogniser's: of a sentence that is read, or one of
a list, it is often sure that more will come, and wrong."""
LEAST_ODDS = 0.002
"""Keeps the log-odds of a probability of 0 or 1 finite."""

_DISTRESS_EVENTS = {VocalEvent.SOB, VocalEvent.SNIFF, VocalEvent.SIGH, VocalEvent.GASP}
_DISTRESS_STYLES = {VoiceStyle.TREMBLING, VoiceStyle.BREATHLESS}
_FILLERS = {"um", "uh", "er", "erm", "hmm", "uhm"}
_HANGING_WORDS = _FILLERS | {
    "so", "to", "of", "with", "like", "that", "when", "i", "we", "it's", "i'm", "was", "is", "were", "are", "am",
    "at", "in", "on", "for", "from", "by", "about", "which", "who", "where", "while", "until", "not", "just", "he",
    "she", "they", "i've", "he's", "she's", "there's", "that's", "don't", "didn't", "can't", "would", "could", "had",
}  # fmt: skip
"""Want another word, unless the recogniser heard the sentence end with them."""
_UNFINISHED_WORDS = {"and", "but", "or", "because", "the", "a", "an", "my", "your", "our", "their", "if", "than", "as"}
"""Want another word, whatever the recogniser heard: no sentence ends with them."""


def commit_delay_ms(
    detection: TurnDetection,
    completion: float | None,
    cues: Cues | None = None,
    text: str = "",
    closure: float | None = None,
) -> int:
    """Milliseconds of silence after which the turn ends.

    `ServerVad` waits its fixed silence. `SemanticVad` scores the pause: the log-odds of `closure` (the recogniser
    heard a sentence end) and of `completion` (the turn detector heard a speaker who is done), weighted; what is not
    known is left out, and with neither known the score is 0. The score gives the delay by `KNOTS`. A last word that
    wants another waits `HANGING_MS`; a voice in distress or in search of words waits `DISTRESS_MS` more.
    Eagerness scales all of it, and bounds it by `LONGEST_MS`.
    """
    if isinstance(detection, ServerVad):
        return detection.silence_duration_ms
    delay = HANGING_MS if _hangs(text) else _by_score(_score(completion, closure))
    delay += DISTRESS_MS * (_in_distress(cues) or _last_word(text) in _FILLERS)
    scaled = delay * EAGERNESS_FACTOR[detection.eagerness]
    return round(min(max(scaled, SURE_MS), LONGEST_MS[detection.eagerness]))


def likely_done(completion: float | None, text: str, closure: float | None) -> bool:
    """Whether it is worth it to begin an answer in case the turn is over."""
    return not _hangs(text) and _score(completion, closure) >= ANSWER_FROM


def longest_delay_ms(detection: TurnDetection) -> int:
    """The wait that ends a turn even when nothing is known of the pause yet."""
    if isinstance(detection, SemanticVad):
        return LONGEST_MS["high"] + DISTRESS_MS
    return detection.silence_duration_ms


def samples(milliseconds: float) -> int:
    return round(milliseconds * HEARING_RATE_HZ / 1000)


def milliseconds(count: int) -> int:
    return count * 1000 // HEARING_RATE_HZ


def _in_distress(cues: Cues | None) -> bool:
    if cues is None:
        return False
    return any(span.event in _DISTRESS_EVENTS for span in cues.events) or bool(_DISTRESS_STYLES & set(cues.style))


def _score(completion: float | None, closure: float | None) -> float:
    if completion is None or closure is None:
        known = [value for value in (closure, completion) if value is not None]
        return sum(map(_log_odds, known))
    sound = max(AGAINST, _log_odds(completion))
    return CLOSURE_WEIGHT * _log_odds(closure) + (1 - CLOSURE_WEIGHT) * sound


def _log_odds(probability: float) -> float:
    return log((probability + LEAST_ODDS) / (1 - probability + LEAST_ODDS))


def _by_score(score: float) -> float:
    for (low, above), (high, below) in pairwise(KNOTS):
        if score < high:
            return below + (above - below) * min(1.0, (high - score) / (high - low))
    return SURE_MS


def _hangs(text: str) -> bool:
    """Whether the last word wants another."""
    stripped, last = text.strip(), _last_word(text)
    if last in _UNFINISHED_WORDS or stripped.endswith(("...", "…", "-")):
        return True
    return last in _HANGING_WORDS and not stripped.endswith((".", "?", "!"))


def _last_word(text: str) -> str:
    words = text.lower().split()
    return words[-1].strip(".,!?;:…\"'-") if words else ""

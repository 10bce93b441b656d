"""Figures of played dialogues. Pure.

Stickiness is the mean over tactics of P(a reply uses it | our reply before did); lift is that over the mean share
of replies that use one. Both are of our own replies in a row; turns in a crisis are left out, where we repeat
ourselves on purpose (docs/empathy.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median
from typing import Any

from ...models.appraisal.line import parse_appraisal, render_appraisal
from ...models.base import Appraisal
from ...models.labels import Risk, Tactic, sign
from ..duplex.unfit import unfit
from .empathy import Played

_LEAK = re.compile(r"[\[\]<>{}|*_#]|\bvoice:|\btactics?:|\bassistant:", re.IGNORECASE)
_FIRST = re.compile(r"[a-z']+")
Sets = Sequence[frozenset[Tactic]]


def report(turns: Sequence[Played]) -> dict[str, Any]:
    """All figures of turns in the order in which they were played; those of replies only where there are any."""
    chosen = [frozenset(turn.appraisal.tactics) for turn in turns]
    pairs = [(a, b) for a, b in zip(range(len(turns)), range(1, len(turns)), strict=False) if _follows(turns, a, b)]
    sticky, lift = repetition(chosen, pairs)
    spoken = [turn for turn in turns if turn.reply]
    head: dict[str, Any] = {
        "stickiness": sticky,
        "lift": lift,
        "question_rate": share(Tactic.QUESTIONING in tactics for tactics in chosen),
        "parse_rate": share(parses(turn.appraisal) for turn in turns),
        "leaks": sum(leaks(turn.reply) for turn in spoken),
        "crisis_recall": share_of_any(
            turn.appraisal.risk is Risk.CRISIS for turn in turns if _wanted(turn) is Risk.CRISIS
        ),
        "false_alarms": share(turn.appraisal.risk is Risk.CRISIS for turn in turns if _wanted(turn) is not Risk.CRISIS),
    }
    return (
        head | {"turns": len(turns), "appraisal": accuracy(turns)} | ({"replies": spoken_of(spoken)} if spoken else {})
    )


def repetition(chosen: Sets, pairs: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Stickiness and lift of the pairs (earlier, later) of indices."""
    rates, shares = [], []
    for tactic in Tactic:
        after = [tactic in chosen[later] for earlier, later in pairs if tactic in chosen[earlier]]
        if after:
            rates.append(mean(after))
            shares.append(share(tactic in tactics for tactics in chosen))
    if not rates:
        return 0.0, 0.0
    return round(mean(rates), 3), round(mean(rates) / max(mean(shares), 1e-9), 3)


def accuracy(turns: Sequence[Played]) -> dict[str, Any]:
    """Against the corpus's own appraisals."""
    return {
        "emotion": share(t.appraisal.emotion is t.example.plan.emotion for t in turns),
        "emotion_top2": share_of_any(t.example.plan.emotion in t.likeliest[:2] for t in turns if t.likeliest),
        "wrong_sign": share(sign(t.appraisal.emotion) * sign(t.example.plan.emotion) < 0 for t in turns),
        "need": share(t.appraisal.need is t.example.plan.need for t in turns if t.appraisal.risk is not Risk.CRISIS),
        "intensity_within_1": share(abs(t.appraisal.intensity - t.example.plan.intensity) <= 1 for t in turns),
        "tone": share(t.appraisal.tone is t.example.plan.tone for t in turns),
        "conflict_f1": f1(turns, lambda plan: {"conflict"} if plan.conflict else set()),
        "tactic_f1": f1(turns, lambda plan: set(plan.tactics)),
        "watch_or_more_recall": share_of_any(
            t.appraisal.risk is not Risk.NONE for t in turns if _wanted(t) is not Risk.NONE
        ),
        "watch_or_more_false": share(t.appraisal.risk is not Risk.NONE for t in turns if _wanted(t) is Risk.NONE),
        "median_ms": round(median(t.first_text_ms or 0 for t in turns), 1),
    }


def spoken_of(turns: Sequence[Played]) -> dict[str, Any]:
    """Of the replies themselves."""
    openings = Counter(" ".join(_FIRST.findall(turn.reply.lower())[:2]) for turn in turns)
    words = [len(turn.reply.split()) for turn in turns]
    return {
        "question_rate": share("?" in turn.reply for turn in turns),
        "distinct_openings": round(len(openings) / len(turns), 3),
        "commonest_opening": openings.most_common(1)[0][0],
        "commonest_opening_share": round(openings.most_common(1)[0][1] / len(turns), 3),
        "words_a_turn": round(mean(words), 1),
        "over_40_words": share(count > 40 for count in words),
        "unfit": sum(unfit(turn.reply) for turn in turns),
        "degraded": share(bool(turn.degraded) for turn in turns),
        "first_text_ms_median": round(median(turn.first_text_ms or 0 for turn in turns), 1),
    }


def parses(appraisal: Appraisal) -> bool:
    """Whether the line that the chat model sees says just what was appraised."""
    try:
        read = parse_appraisal(render_appraisal(appraisal))
    except ValueError:
        return False
    fields = ("emotion", "intensity", "need", "conflict", "risk", "tactics", "tone")
    return all(getattr(read, name) == getattr(appraisal, name) for name in fields)


def leaks(reply: str) -> bool:
    """Whether anything of the trace is in what is said."""
    return bool(_LEAK.search(reply))


def f1(turns: Iterable[Played], labels: Callable[[Appraisal], set[Any]]) -> float:
    """Micro-averaged."""
    both = ours = theirs = 0
    for turn in turns:
        found, right = labels(turn.appraisal), labels(turn.example.plan)
        both, ours, theirs = both + len(found & right), ours + len(found), theirs + len(right)
    return round(2 * both / max(1, ours + theirs), 3)


def share(flags: Iterable[bool]) -> float:
    """Of those that there are; of none, 0."""
    return share_of_any(flags) or 0.0


def share_of_any(flags: Iterable[bool]) -> float | None:
    """Of those that there are; of none, `None`."""
    known = list(flags)
    return round(mean(known), 3) if known else None


def _wanted(turn: Played) -> Risk:
    return turn.example.plan.risk


def _follows(turns: Sequence[Played], earlier: int, later: int) -> bool:
    calm = all(turns[index].appraisal.risk is not Risk.CRISIS for index in (earlier, later))
    return calm and turns[earlier].example.dialogue == turns[later].example.dialogue

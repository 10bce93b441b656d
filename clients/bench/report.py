"""Statistics over the outcomes of many acts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeVar

import numpy as np

from .outcomes import Asked, Interrupted, Murmured, Noised, Outcome, Paused

T = TypeVar("T")
PERCENTILES = (50, 90, 95)
Z = 1.96
LONGEST_GAP_MS = 700
"""Between the first phrase of an answer and the second: longer ones are heard as a break."""


def spread(values: Iterable[float]) -> dict[str, float | int | None]:
    """Percentiles, by linear interpolation; `None` where there is nothing."""
    held = list(values)
    found = {f"p{p}": round(float(np.percentile(held, p)), 1) if held else None for p in PERCENTILES}
    return {**found, "n": len(held)}


def rate(hits: int, of: int) -> float | None:
    return round(hits / of, 4) if of else None


def interval(hits: int, of: int) -> tuple[float, float] | None:
    """95% confidence interval of a rate (Wilson 1927)."""
    if not of:
        return None
    share = hits / of
    centre = share + Z * Z / (2 * of)
    reach = Z * sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    return round(max(0.0, (centre - reach) / scale), 4), round(min(1.0, (centre + reach) / scale), 4)


@dataclass(frozen=True, slots=True)
class Load:
    """What the server's processes took while it was measured; `None` where that could not be seen."""

    talk_s: float
    cpu_s: float | None = None
    peak_rss_bytes: int | None = None
    speculations_used: int | None = None
    speculations_wasted: int | None = None
    late_ms: float = 0.0


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of one kind of client with one server."""
    asked = _of(outcomes, Asked)
    pauses = _of(outcomes, Paused)
    interrupted = _of(outcomes, Interrupted)
    told = [outcome for outcome in asked if outcome.v2v_ms is not None]
    names = dict.fromkeys(name for outcome in told for name in outcome.stages_ms)
    voices = [outcome.cues for outcome in told if outcome.cues is not None]
    gaps = [outcome.gap_ms for outcome in told if outcome.gap_ms is not None]
    return {
        "v2v_ms": spread(outcome.v2v_ms for outcome in told if outcome.v2v_ms is not None),
        "stages_ms": {name: spread(o.stages_ms[name] for o in told if name in o.stages_ms) for name in names},
        "gap_ms": spread(gaps),
        **_rate("long_gap", sum(gap > LONGEST_GAP_MS for gap in gaps), len(gaps)),
        "barge_in_stop_ms": spread(outcome.stop_ms for outcome in interrupted if outcome.stop_ms is not None),
        **_rate("heard_how", voices.count("whole"), len(voices)),
        **_rate("unanswered", sum(o.v2v_ms is None and not o.cut for o in asked), len(asked)),
        **_rate("false_cut", sum(o.cut for o in pauses), sum(o.pauses for o in pauses)),
        **_rate("missed_barge_in", sum(o.stop_ms is None for o in interrupted), len(interrupted)),
        **_rate("false_barge_in", *_hits(o.stopped for o in _of(outcomes, Murmured))),
        **_rate("noise_answer", *_hits(o.answered for o in _of(outcomes, Noised))),
    }


def loaded(load: Load) -> dict[str, Any]:
    """Figures of a server's work."""
    minutes = load.talk_s / 60
    used, wasted = load.speculations_used, load.speculations_wasted
    begun = None if used is None or wasted is None else used + wasted
    return {
        "talk_s": round(load.talk_s, 1),
        "cpu_s_per_min": None if load.cpu_s is None or not minutes else round(load.cpu_s / minutes, 1),
        "peak_rss_mib": None if load.peak_rss_bytes is None else round(load.peak_rss_bytes / 2**20),
        "speculation_hit_rate": rate(used or 0, begun) if begun is not None else None,
        "speculations": begun,
        "client_late_ms": round(load.late_ms, 1),
    }


def ratio(ours: dict[str, Any], naive: dict[str, Any], name: str = "v2v_ms") -> float | None:
    """How our median compares with the common way's."""
    mine, theirs = ours[name]["p50"], naive[name]["p50"]
    return round(mine / theirs, 3) if mine is not None and theirs else None


def _rate(name: str, hits: int, of: int) -> dict[str, Any]:
    return {f"{name}_rate": rate(hits, of), f"{name}_of": of, f"{name}_interval": interval(hits, of)}


def _hits(flags: Iterable[bool]) -> tuple[int, int]:
    held = list(flags)
    return sum(held), len(held)


def _of(outcomes: Sequence[Outcome], kind: type[T]) -> list[T]:
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]

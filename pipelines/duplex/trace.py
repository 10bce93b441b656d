"""The inspectable record of a turn: what was heard, read, appraised, done, and when. Plain JSON values."""

from __future__ import annotations

from typing import Any, Literal

from ...models.base import Appraisal, Cues
from .endpointing import milliseconds
from .reply import Reply


def cues_record(cues: Cues) -> dict[str, Any]:
    """What the voice carried; unknown fields are left out."""
    record: dict[str, Any] = {
        "valence": cues.valence,
        "arousal": cues.arousal,
        "dominance": cues.dominance,
        "age": cues.age,
        "gender": cues.gender,
        "pitch_semitones": cues.pitch_semitones,
        "energy_db": cues.energy_db,
        "rate_ratio": cues.rate_ratio,
        "confidence": cues.confidence,
        "conflict": cues.conflict,
    }
    record = {key: _round(value) for key, value in record.items() if value is not None}
    for name, distribution in (("emotion", cues.emotion), ("words", cues.words)):
        if distribution is not None:
            ranked = sorted(distribution.items(), key=lambda pair: -pair[1])
            record[name] = {str(label): _round(p) for label, p in ranked if p >= 0.01}
    record["style"] = [str(style) for style in cues.style]
    record["events"] = [
        {
            "event": str(e.event),
            "start_ms": milliseconds(e.start),
            "end_ms": milliseconds(e.end),
            "p": _round(e.probability),
        }
        for e in cues.events
    ]
    record["evidence"] = [
        {"claim": e.claim, "measured": e.measurement, "start_ms": milliseconds(e.start), "end_ms": milliseconds(e.end)}
        for e in cues.evidence
    ]
    return record


def appraisal_record(appraisal: Appraisal) -> dict[str, Any]:
    """The chain of empathy, in its order."""
    return {
        "emotion": str(appraisal.emotion),
        "intensity": appraisal.intensity,
        "cause": appraisal.cause,
        "need": str(appraisal.need),
        "conflict": appraisal.conflict,
        "risk": str(appraisal.risk),
        "tactics": [str(tactic) for tactic in appraisal.tactics],
        "tone": str(appraisal.tone),
        "evidence": list(appraisal.evidence),
        "confidence": _round(appraisal.confidence),
        "appraiser": appraisal.appraiser,
        "opener": appraisal.opener,
    }


def reply_record(reply: Reply, known: Cues | None) -> dict[str, Any]:
    """What a reply rested on, and how long it took; `known` is what is known by now of the voice that it answers."""
    record: dict[str, Any] = {"timings_ms": dict(reply.timings), "speculative": reply.was_speculative}
    if reply.first_phrase_ms is not None:
        record["first_phrase_ms"] = reply.first_phrase_ms
        record["gap_ms"] = _gap_ms(reply)
    if reply.appraisal is not None:
        record["appraisal"] = appraisal_record(reply.appraisal)
        record["cues"] = _cues_of(reply, known)
    if reply.recalled:
        record["recalled"] = list(reply.recalled)
    if reply.degraded:
        record["degraded"] = list(reply.degraded)
    return record


def _cues_of(reply: Reply, known: Cues | None) -> Literal["whole", "partial", "none"]:
    """Whether the reply rests on how all of the turn was said, on a part or an older reading of it, or on words."""
    used = reply.situation.cues if reply.situation is not None else None
    if used is None:
        return "none"
    return "whole" if used is known else "partial"


def _gap_ms(reply: Reply) -> int:
    """Silence between the first phrase (an opener) and the second, as the ear has it."""
    timings = reply.timings
    began = max(timings["first_audio"], timings.get("committed", 0))
    return max(0, timings["second_audio"] - began - (reply.first_phrase_ms or 0))


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value

"""The inspectable record of a turn: what was heard, read, appraised, done, and when. Plain JSON values."""

from __future__ import annotations

from typing import Any

from ...models.base import Appraisal, Cues
from .endpointing import milliseconds


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


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value

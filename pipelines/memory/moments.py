"""What is kept of how people felt: of a turn, and of a conversation in brief. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...models.base import Appraisal
from ..duplex.trace import appraisal_record

CAUSE_CHARS = 80


def moment(appraisal: Appraisal) -> dict[str, Any]:
    """What is kept of an appraisal: how the person felt and why; of a crisis only that there was one."""
    record = appraisal_record(appraisal)
    cause = "" if record["risk"] == "crisis" else record["cause"][:CAUSE_CHARS]
    return {key: record[key] for key in ("emotion", "intensity", "need", "risk", "tone")} | {"cause": cause}


def how_it_went(felt: Sequence[Appraisal]) -> dict[str, Any]:
    """A conversation in brief: its moods, and what mattered most."""
    strongest = max(felt, key=lambda appraisal: appraisal.intensity)
    return {
        "turns": len(felt),
        "from": {"emotion": str(felt[0].emotion), "intensity": felt[0].intensity},
        "to": {"emotion": str(felt[-1].emotion), "intensity": felt[-1].intensity},
        "mattered": moment(strongest)["cause"],
        "risk": max((str(appraisal.risk) for appraisal in felt), key=("none", "watch", "crisis").index),
    }

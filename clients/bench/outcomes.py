"""What came of each act of a caller, as times on the line's clock tell. Pure values; unknown is `None`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A question was spoken. `v2v_ms` from the true end of speech to the first answer that can be heard, `None`
    where there was none or where the answer began too early (`cut`). `gap_ms` is the silence after its first phrase,
    `None` where it had but one. `cues` says whether the appraisal knew how all of the turn was said ("whole"), a
    part of it ("partial"), or words alone ("none")."""

    v2v_ms: float | None
    cut: bool
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    gap_ms: float | None = None
    cues: str | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """A sentence with pauses inside was spoken; `cut` of them were taken for its end."""

    pauses: int
    cut: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An answer was spoken over. `stop_ms` from the true onset to its last audible sample; `None` where it went on."""

    stop_ms: float | None


@dataclass(frozen=True, slots=True)
class Murmured:
    """A sound of listening, or a cough, fell on an answer; `stopped` says whether that ended it."""

    sound: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class Noised:
    """A noise that nobody meant was made into silence."""

    sound: str
    answered: bool


Outcome = Asked | Paused | Interrupted | Murmured | Noised


def stages(v2v_ms: float, server_ms: Mapping[str, Any]) -> dict[str, float]:
    """Where the time went, in milliseconds after the end of speech as the server heard it; `edge` is what is left
    between the moment when audio could leave and the ear: hearing the end late, the line, the loudspeaker."""
    told = {name: float(value) for name, value in server_ms.items()}
    ready = [told[name] for name in ("committed", "first_audio") if name in told]
    return {**told, **({"edge": v2v_ms - max(ready)} if ready else {})}

"""Acts put into calls, and the clients that make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..connection import connect
from ..errors import Refused
from ..line import Line, Script, run
from ..playout import Playout
from .acts import SPEAK_OVER_MS, Act, Ask, Interrupt, Murmur, Noise, Pause
from .material import Material, with_pauses
from .outcomes import Outcome

BUSY = 503
ACTS_A_CALL = 4
"""A call is not much longer than people's are, so that a long history does not slow it down."""
KINDS = ("asks", "pauses", "interruptions", "murmurs", "noises")
FOLLOWING: dict[str, Any] = {"empathy": {"events": True, "playback_reports": True}}
"""What a client of ours tells the session."""
NAIVE_DETECTION: dict[str, Any] = {
    "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 800}}}
}
"""The common way to find the end of a turn: a fixed silence."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One kind of client: whether it follows our events, and what it tells the session."""

    name: str
    follows: bool = True
    session: dict[str, Any] = field(default_factory=dict)


OURS = Caller("ours", session=FOLLOWING)
PLAIN = Caller("plain", follows=False)
NAIVE = Caller("naive", follows=False, session=NAIVE_DETECTION)


@dataclass(slots=True)
class Record:
    """What came of one or more calls."""

    outcomes: list[Outcome] = field(default_factory=list)
    untried: int = 0
    refused: int = 0
    """Calls that a busy server did not let in."""
    seconds: float = 0.0
    late_s: float = 0.0

    def add(self, other: Record) -> None:
        self.outcomes += other.outcomes
        self.untried += other.untried
        self.refused += other.refused
        self.seconds += other.seconds
        self.late_s = max(self.late_s, other.late_s)


def plan(material: Material, kinds: Sequence[str] = KINDS, *, rounds: int = 1) -> list[Act]:
    """All acts, every recording of a kind once a round; each kind by itself."""
    questions = material.questions
    made: dict[str, list[Act]] = {
        "asks": [Ask(question) for question in questions],
        "pauses": [Pause(question) for question in with_pauses(questions)],
        "interruptions": [
            Interrupt(questions[i % len(questions)], sound, SPEAK_OVER_MS[i % len(SPEAK_OVER_MS)])
            for i, sound in enumerate(material.interruptions)
        ],
        "murmurs": [
            Murmur(questions[i % len(questions)], sound, SPEAK_OVER_MS[i % len(SPEAK_OVER_MS)])
            for i, sound in enumerate(material.murmurs)
        ],
        "noises": [Noise(sound) for sound in material.noises],
    }
    return [act for _ in range(rounds) for kind in kinds for act in made[kind]]


def chunks(acts: Sequence[Act]) -> Iterator[list[Act]]:
    """Acts of each call."""
    for at in range(0, len(acts), ACTS_A_CALL):
        yield list(acts[at : at + ACTS_A_CALL])


async def one_call(url: str, acts: Sequence[Act], caller: Caller, *, api_key: str | None = None) -> Record:
    """Call, do these acts one after the other, hang up."""
    record = Record()
    line = Line(Playout(follows=caller.follows))
    try:
        async with connect(url, api_key=api_key, **caller.session) as call:
            await run(call, line, _all(line, acts, record), reports=caller.follows)
    except Refused as refused:
        if refused.answer != BUSY:
            raise
        return Record(refused=1)
    record.seconds, record.late_s = line.now_s, line.late_s
    return record


def _all(line: Line, acts: Sequence[Act], record: Record) -> Script[None]:
    for act in acts:
        outcome = yield from act(line)
        if outcome is None:
            record.untried += 1
        else:
            record.outcomes.append(outcome)

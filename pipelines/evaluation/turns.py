"""How well the end of a turn is found: pauses inside a turn that were taken for its end, and how long an end waits.

The policy under test is the conversation itself, fed by the real VAD, turn detector and recogniser over audio whose
pauses and ends are known. Time is the audio's: what a model takes is added as a fixed `Costs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ...models.base import HEARING_RATE_HZ, VAD, VAD_FRAME_SAMPLES, Baseline, CueExtractor, Recognizer, TurnDetector
from ..duplex.actions import Action, Hear, Send, StartTimer, StopTimer
from ..duplex.activity import VoiceActivity
from ..duplex.config import SemanticVad, SessionConfig, TurnDetection
from ..duplex.conversation import Conversation
from ..duplex.endpointing import samples
from ..duplex.events import (
    CuesRead,
    Event,
    PauseJudged,
    Recognized,
    TimerFired,
    TimerKind,
    VoiceStarted,
    VoiceStopped,
)
from ..duplex.outputs import AudioCommitted
from ..duplex.policy import DuplexPolicy
from .turns_cases import Case

EARLY_S = 0.2
"""An end is labelled to about this precision: a commit that little before it is no cut."""
CLASSES_S = (0.5, 1.0, 1.5)
"""Pauses are counted by length up to these, and beyond."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds until a model has answered, on the machine that the result is meant for."""

    judge_ms: int = 40
    words_ms: int = 300


@dataclass(frozen=True, slots=True)
class Ears:
    """The models that turn-taking listens with; without a recogniser or cues, policy goes by sound alone."""

    vad: VAD
    turn: TurnDetector
    recognizer: Recognizer | None = None
    cues: CueExtractor | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a case. Seconds from the case's start; a pause is (voice stopped, voice started again)."""

    case: Case
    pauses: tuple[tuple[float, float], ...]
    cuts: tuple[tuple[float, float], ...]
    delay_s: float | None
    """From the true end to the commit; `None` where there was none or no end is known."""
    stop_lag_s: float | None
    """From the true end to the moment when the VAD said so, which is part of every delay."""


async def evaluate(
    ears: Ears, cases: Iterable[Case], detection: TurnDetection | None = None, costs: Costs | None = None
) -> dict[str, Any]:
    """Listen to all cases; gives the figures of `report`, and those of the worst cases by name."""
    heard = [await listen(ears, case, detection or SemanticVad(), costs or Costs()) for case in cases]
    return report(heard)


async def listen(ears: Ears, case: Case, detection: TurnDetection, costs: Costs) -> Heard:
    """Play one case to the conversation."""
    player = _Player(ears, case, replace(detection, create_response=False), costs)
    await player.play()
    return player.heard()


def report(heard: Sequence[Heard]) -> dict[str, Any]:
    """`false_cut_rate` of the pauses that ended in more speech, also by length; the delay from the true end of
    speech to the commit in milliseconds, and the part of it in which the VAD waits; `missed`: ends never found."""
    pauses = [(pause, pause in one.cuts) for one in heard for pause in one.pauses]
    delays = [one.delay_s for one in heard if one.delay_s is not None]
    lags = [one.stop_lag_s for one in heard if one.stop_lag_s is not None]
    return {
        "cases": len(heard),
        "pauses": len(pauses),
        "false_cuts": sum(cut for _, cut in pauses),
        "false_cut_rate": _share([cut for _, cut in pauses]),
        "false_cut_rate_by_pause_s": _by_length(pauses),
        "ends": sum(one.case.end_s is not None for one in heard),
        "missed": sum(one.case.end_s is not None and one.delay_s is None for one in heard),
        "delay_ms": _spread(delays),
        "vad_ms": _spread(lags),
        "cut": [f"{one.case.name} at {a:.1f}-{b:.1f}" for one in heard for a, b in one.cuts],
    }


def told(found: Mapping[str, Any]) -> str:
    """The figures of `report` in words."""
    lengths = ", ".join(
        f"{name} s: {part['false_cut_rate']:.0%} of {part['pauses']}"
        for name, part in found["false_cut_rate_by_pause_s"].items()
        if part["pauses"]
    )
    delay, vad = found["delay_ms"], found["vad_ms"]
    return (
        f"pauses taken for the end: {found['false_cuts']} of {found['pauses']} ({lengths})\n"
        f"from the end of speech to the end of the turn: p50 {delay['p50']} ms, p90 {delay['p90']} ms, "
        f"of which until the voice is known to have stopped: p50 {vad['p50']} ms\n"
        f"ends never found: {found['missed']} of {found['ends']}"
    )


def _by_length(pauses: Sequence[tuple[tuple[float, float], bool]]) -> dict[str, dict[str, float | int | None]]:
    bounds = (0.0, *CLASSES_S, float("inf"))
    found = {}
    for low, high in pairwise(bounds):
        cuts = [cut for (start, end), cut in pauses if low <= end - start < high]
        name = f"{low:g}-{high:g}" if high < float("inf") else f"{low:g}-"
        found[name] = {"pauses": len(cuts), "false_cut_rate": _share(cuts)}
    return found


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 4) if flags else None


def _spread(seconds: Sequence[float]) -> dict[str, int | None]:
    if not seconds:
        return {"p50": None, "p90": None}
    return {f"p{p}": round(1000 * float(np.percentile(seconds, p))) for p in (50, 90)}


@dataclass(slots=True)
class _Player:
    """The session's part: frames in, timers and model answers at their time. Positions are samples."""

    ears: Ears
    case: Case
    detection: TurnDetection
    costs: Costs
    at: int = 0
    timers: dict[TimerKind, int] = field(default_factory=dict)
    answers: list[Event] = field(default_factory=list)
    hears: list[Hear] = field(default_factory=list)
    edges: list[tuple[str, int, int]] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    conversation: Conversation = field(init=False)

    def __post_init__(self) -> None:
        policy = DuplexPolicy(speculate=False, partials=False)
        self.conversation = Conversation("eval", SessionConfig(turn_detection=self.detection), policy)

    async def play(self) -> None:
        stream, activity = self.ears.vad.stream(), VoiceActivity()
        audio = self.case.audio
        for start in range(0, len(audio) - VAD_FRAME_SAMPLES + 1, VAD_FRAME_SAMPLES):
            end = start + VAD_FRAME_SAMPLES
            self._catch_up(end)
            edge = activity.step(stream.probability(audio[start:end]), end)
            if edge is not None:
                self.edges.append((edge.kind, end, edge.sample))
                started = edge.kind == "started"
                self._feed(VoiceStarted(end, edge.sample) if started else VoiceStopped(end, edge.sample))
            while self.hears:
                await self._answer(self.hears.pop(0))

    def heard(self) -> Heard:
        end_s, seconds = self.case.end_s, HEARING_RATE_HZ
        commits = [at / seconds for at in self.commits]
        found = [at for at in commits if end_s is not None and at >= end_s - EARLY_S]
        stops = [at / seconds for kind, at, _ in self.edges if kind == "stopped"]
        after = [at for at in stops if end_s is not None and at >= end_s - EARLY_S]
        pauses = self._pauses()
        return Heard(
            case=self.case,
            pauses=pauses,
            cuts=tuple(pause for pause in pauses if any(pause[0] < at < pause[1] for at in commits)),
            delay_s=found[0] - end_s if found and end_s is not None else None,
            stop_lag_s=after[0] - end_s if after and end_s is not None else None,
        )

    def _pauses(self) -> tuple[tuple[float, float], ...]:
        """From where the voice stopped to where it went on, both before the end."""
        found = []
        for (kind, _, stopped), (following, _, started) in pairwise(self.edges):
            if kind == "stopped" and following == "started" and started / HEARING_RATE_HZ < self.case.until_s:
                found.append((stopped / HEARING_RATE_HZ, started / HEARING_RATE_HZ))
        return tuple(found)

    def _catch_up(self, now: int) -> None:
        """Timers and answers that are due before the frame in hand."""
        while due := [
            *self._due_timers(now),
            *((answer.at, None, answer) for answer in self.answers if answer.at <= now),
        ]:
            at, kind, answer = min(due, key=lambda entry: entry[0])
            if answer is not None:
                self.answers.remove(answer)
                self._feed(answer)
            elif kind is not None:
                del self.timers[kind]
                self._feed(TimerFired(at, kind))

    def _due_timers(self, now: int) -> list[tuple[int, TimerKind | None, Event | None]]:
        return [(at, kind, None) for kind, at in self.timers.items() if at <= now]

    def _feed(self, event: Event) -> None:
        self.at = max(self.at, event.at)
        for action in self.conversation.receive(event):
            self._take(action)

    def _take(self, action: Action) -> None:
        match action:
            case StartTimer():
                self.timers[action.kind] = action.at
            case StopTimer():
                self.timers.pop(action.kind, None)
            case Hear() if action.final:
                self.hears.append(action)
            case Send(AudioCommitted()):
                self.commits.append(self.at)

    async def _answer(self, hear: Hear) -> None:
        """What the models say of a pause, stamped with the time when they would have said it."""
        audio = self.case.audio[hear.start : hear.end]
        stamp = (hear.turn, hear.revision)
        completion = await self.ears.turn.completion(audio)
        self.answers.append(PauseJudged(hear.end + samples(self.costs.judge_ms), *stamp, completion))
        if self.ears.recognizer is None:
            return
        told = hear.end + samples(self.costs.words_ms)
        recognition = await self.ears.recognizer.recognize(audio)
        if self.ears.cues is not None:
            cues = await self.ears.cues.extract(
                audio, baseline=Baseline(), transcript=recognition.transcript, encoding=recognition.encoding
            )
            self.answers.append(CuesRead(told, *stamp, cues))
        self.answers.append(Recognized(told, *stamp, replace(recognition.transcript, final=True)))

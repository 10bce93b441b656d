"""What a caller does to be measured with. Each act is a script for a line, and gives its outcome, or `None` where it
could not be tried (there was no answer to speak over, or it was over too soon).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..line import BLOCK_S, Line, Script
from ..turn import AUDIBLE
from .material import Sound
from .outcomes import Asked, Interrupted, Murmured, Noised, Outcome, Paused, stages

Act = Callable[[Line], Script[Outcome | None]]

BREATH_S = 0.6
"""Silence before a caller speaks."""
CALM_S = 0.5
"""After this much silence an answer is over."""
ANSWER_LIMIT_S = 60.0
REACTION_LIMIT_S = 15.0
SPEAK_OVER_MS = (700, 1200, 900)
"""How much of an answer is heard before it is spoken over; they take turns."""
TOO_SHORT_S = 0.8
"""An answer that would have ended by itself so soon does not tell whether it was stopped."""
NOISE_LIMIT_S = 4.0
LATE_CUT_S = 0.15
"""The server hears an end this much later than it is; a turn committed so soon after a pause was cut by it."""


@dataclass(frozen=True, slots=True)
class Ask:
    question: Sound

    def __call__(self, line: Line) -> Script[Asked | None]:
        """Ask, hear the answer out."""
        start = yield from _speak(line, self.question)
        end = start + self.question.end_s
        yield from line.wait(lambda: _answered(line, end), limit_s=ANSWER_LIMIT_S)
        yield from _rest(line)
        return asked(line, start, end)


@dataclass(frozen=True, slots=True)
class Pause:
    question: Sound

    def __call__(self, line: Line) -> Script[Paused | None]:
        """Speak a sentence with pauses inside."""
        start = yield from _speak(line, self.question)
        end = start + self.question.end_s
        yield from line.wait(lambda: _answered(line, end), limit_s=ANSWER_LIMIT_S)
        yield from _rest(line)
        return Paused(len(self.question.pauses), cuts(line, start, self.question))


@dataclass(frozen=True, slots=True)
class Interrupt:
    question: Sound
    interruption: Sound
    after_ms: int = SPEAK_OVER_MS[0]

    def __call__(self, line: Line) -> Script[Interrupted | None]:
        """Ask, and speak over the answer."""
        item = yield from _until_answering(line, self.question, self.after_ms)
        if item is None:
            return None
        onset = line.now_s
        yield from line.say(self.interruption.pcm)
        yield from line.wait(lambda: _answered(line, onset), limit_s=REACTION_LIMIT_S)
        yield from _rest(line)
        return interrupted(line, item, onset)


@dataclass(frozen=True, slots=True)
class Murmur:
    question: Sound
    sound: Sound
    after_ms: int = SPEAK_OVER_MS[0]

    def __call__(self, line: Line) -> Script[Murmured | None]:
        """Ask, and make a small sound while the answer is spoken."""
        item = yield from _until_answering(line, self.question, self.after_ms)
        if item is None:
            return None
        onset = line.now_s
        yield from line.say(self.sound.pcm)
        yield from _rest(line)
        return murmured(line, item, onset, self.sound.name)


@dataclass(frozen=True, slots=True)
class Noise:
    sound: Sound

    def __call__(self, line: Line) -> Script[Noised | None]:
        """Make a noise that means nothing."""
        start = yield from _speak(line, self.sound)
        yield from line.hush(NOISE_LIMIT_S)
        answered = _answered(line, start)
        yield from _rest(line)
        return Noised(self.sound.name, answered)


# -- what came of it -------------------------------------------------------------------------------


def asked(line: Line, start_s: float, end_s: float) -> Asked:
    """When the answer to speech from `start_s` to `end_s` was first heard."""
    if _sounds_in(line, start_s, end_s):
        return Asked(None, cut=True)
    first = first_sound_s(line, end_s)
    if first is None:
        return Asked(None, cut=False)
    v2v_ms = (first - end_s) * 1000
    told = _trace(line, end_s)
    stages_ms = stages(v2v_ms, told.get("timings_ms", {}))
    return Asked(v2v_ms, cut=False, stages_ms=stages_ms, gap_ms=told.get("gap_ms"), cues=told.get("cues"))


def cuts(line: Line, start_s: float, question: Sound) -> int:
    """How many of the pauses were taken for the end of the turn."""
    committed = [noted.at_s - start_s for noted in line.events if noted.event["type"] == "input_audio_buffer.committed"]
    return sum(any(a < at <= b + LATE_CUT_S for at in committed) for a, b in question.pauses)


def interrupted(line: Line, item: str, onset_s: float) -> Interrupted | None:
    """When the answer that was spoken over fell silent for good."""
    last = last_sound_s(line, item)
    stopped = _was_stopped(line, item, onset_s)
    if not stopped and last - onset_s < TOO_SHORT_S:
        return None
    return Interrupted(max(0.0, last - onset_s) * 1000 if stopped else None)


def murmured(line: Line, item: str, onset_s: float, name: str) -> Murmured | None:
    """Whether the answer survived."""
    stopped = _was_stopped(line, item, onset_s)
    if not stopped and last_sound_s(line, item) - onset_s < TOO_SHORT_S:
        return None
    return Murmured(name, stopped)


def first_sound_s(line: Line, after_s: float) -> float | None:
    """When something audible first came out of the loudspeaker after a moment."""
    begin = int(after_s / BLOCK_S)
    for block in range(begin, line.blocks):
        loud = np.flatnonzero(np.abs(line.block_heard(block).astype(np.int32)) >= AUDIBLE)
        for at in loud:
            when = (block + at / len(line.block_heard(block))) * BLOCK_S
            if when >= after_s:
                return float(when)
    return None


def last_sound_s(line: Line, item: str) -> float:
    """When the last audible sample of an answer came out."""
    for block in reversed(range(line.blocks)):
        if line.items[block] == item:
            heard = line.block_heard(block)
            loud = np.flatnonzero(np.abs(heard.astype(np.int32)) >= AUDIBLE)
            if len(loud):
                return float((block + (loud[-1] + 1) / len(heard)) * BLOCK_S)
    return 0.0


# -- parts of acts ---------------------------------------------------------------------------------


def _speak(line: Line, what: Sound) -> Script[float]:
    """Breathe, and say it; gives when the speech began."""
    yield from line.hush(BREATH_S)
    start = line.now_s
    yield from line.say(what.pcm)
    return start


def _until_answering(line: Line, question: Sound, after_ms: int) -> Script[str | None]:
    """Ask, and wait until so much of the answer was heard; gives the answer's item."""
    yield from line.hush(BREATH_S)
    before = line.playout.item_id
    yield from line.say(question.pcm)

    def heard_enough() -> bool:
        return line.playout.item_id != before and line.playout.played_ms >= after_ms

    def over() -> bool:
        return heard_enough() or (line.playout.item_id != before and _calm(line))

    yield from line.wait(over, limit_s=ANSWER_LIMIT_S)
    if heard_enough() and not _calm(line):
        return line.playout.item_id
    yield from _rest(line)
    return None


def _rest(line: Line) -> Script[None]:
    yield from line.wait(lambda: _calm(line), limit_s=ANSWER_LIMIT_S)


def _calm(line: Line) -> bool:
    """Nothing is said, or about to be."""
    return not line.responding and line.playout.waiting == 0 and line.quiet_s >= CALM_S


def _answered(line: Line, since_s: float) -> bool:
    return any(noted.at_s > since_s and noted.event["type"] == "response.created" for noted in reversed(line.events))


def _was_stopped(line: Line, item: str, onset_s: float) -> bool:
    """Whether an answer was cut short after a moment: what was left of it thrown away, or the rest never sent."""
    if any(flush.item_id == item and flush.at_s >= onset_s for flush in line.flushes):
        return True
    ends = [noted for noted in line.events if noted.event["type"] == "response.done" and noted.at_s >= onset_s]
    return any(
        end.event["response"]["status"] == "cancelled"
        and item in [part["id"] for part in end.event["response"]["output"]]
        for end in ends
    )


def _sounds_in(line: Line, start_s: float, end_s: float) -> bool:
    first = first_sound_s(line, start_s)
    return first is not None and first < end_s


def _trace(line: Line, since_s: float) -> dict[str, Any]:
    """The server's own record of its first answer after a moment."""
    for noted in line.events:
        if noted.at_s >= since_s and noted.event["type"] == "response.done":
            return dict(noted.event.get("empathy") or {})
    return {}

"""What can happen to a conversation. `at` is the session clock in samples at 16 kHz.

Everything that a turn of the user causes is stamped `(turn, revision)`: the revision counts the pauses
of that turn. Everything that a reply causes is stamped with the reply's id. Stale stamps are dropped.
Events carry no audio, so a log of them replays the conversation's decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ...models.base import Appraisal, Cues, SpokenWord, Transcript
from .commands import Command
from .outputs import StatusReason, Usage


class TimerKind(StrEnum):
    COMMIT = "commit"
    """The pause has lasted: the user's turn ends."""
    PARTIAL = "partial"
    """Time to read what was said so far."""
    OVERLAP = "overlap"
    """Time to look at the voice over ours again."""
    HEARING = "hearing"
    """Recognition of an ended turn takes too long."""
    REPLY = "reply"
    """The reply makes no progress."""
    PLAYBACK = "playback"
    """The last of our audio has been played."""
    IDLE = "idle"
    """Nobody has spoken for the configured time."""


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    at: int
    onset: int


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    at: int
    offset: int


@dataclass(frozen=True, slots=True)
class PauseJudged:
    """The turn detector's probability that the speaker is done."""

    at: int
    turn: int
    revision: int
    completion: float


@dataclass(frozen=True, slots=True)
class Recognized:
    """Words of a turn; positions in the transcript count from the audio that was given to the recogniser."""

    at: int
    turn: int
    revision: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class CuesRead:
    at: int
    turn: int
    revision: int
    cues: Cues


@dataclass(frozen=True, slots=True)
class HearingFailed:
    at: int
    turn: int
    revision: int
    stage: Literal["recognition", "cues", "turn"]
    message: str


@dataclass(frozen=True, slots=True)
class OverlapMeasured:
    """What the voice over ours is like: its words so far, and how much it resembles what we play (0..1), over
    how long a stretch of it."""

    at: int
    overlap: int
    text: str
    echo: float
    heard_ms: int = 1000


@dataclass(frozen=True, slots=True)
class TimerFired:
    at: int
    kind: TimerKind


@dataclass(frozen=True, slots=True)
class Commanded:
    """A client's request; `audio` is how many samples it had sent by then, where that matters."""

    at: int
    command: Command
    audio: int | None = None


@dataclass(frozen=True, slots=True)
class Appraised:
    at: int
    reply: int
    appraisal: Appraisal


@dataclass(frozen=True, slots=True)
class Recollected:
    """What the reply was given of things remembered."""

    at: int
    reply: int
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worded:
    """A phrase of the reply is about to be spoken (or, for text, written)."""

    at: int
    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class Voiced:
    """Audio of the reply is ready; word times count from the start of its phrase."""

    at: int
    reply: int
    samples: int
    rate_hz: int
    words: tuple[SpokenWord, ...]
    starts_phrase: bool


@dataclass(frozen=True, slots=True)
class Degraded:
    """A part of the reply failed and was done a simpler way; the reply goes on."""

    at: int
    reply: int
    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The reply has been produced whole; `reason` says why it is incomplete, where it is."""

    at: int
    reply: int
    usage: Usage
    reason: StatusReason | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """The last of a finished reply has been sent."""

    at: int
    reply: int
    playback_ends: int


@dataclass(frozen=True, slots=True)
class Played:
    """How much of the reply's audio has come out at the client, in samples of the reply's rate."""

    at: int
    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class AudioDropped:
    """The client sent audio faster than it can be heard; the oldest was dropped."""

    at: int
    samples: int


@dataclass(frozen=True, slots=True)
class Closed:
    at: int


Event = (
    VoiceStarted
    | VoiceStopped
    | PauseJudged
    | Recognized
    | CuesRead
    | HearingFailed
    | OverlapMeasured
    | TimerFired
    | Commanded
    | Appraised
    | Recollected
    | Worded
    | Voiced
    | Degraded
    | ReplyFinished
    | Drained
    | Played
    | AudioDropped
    | Closed
)

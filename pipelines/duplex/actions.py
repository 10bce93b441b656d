"""What a conversation decides to do; the session carries it out and reports back by events."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.base import Appraisal, Situation
from ...models.labels import Tone
from .config import Modality, SessionConfig
from .events import TimerKind
from .outputs import Output


@dataclass(frozen=True, slots=True)
class Send:
    output: Output


@dataclass(frozen=True, slots=True)
class StartTimer:
    """(Re)start the one timer of this kind, to fire at a sample of the session clock."""

    kind: TimerKind
    at: int


@dataclass(frozen=True, slots=True)
class StopTimer:
    kind: TimerKind


@dataclass(frozen=True, slots=True)
class Hear:
    """Recognise [start, end) of a turn; with `final` read its cues and judge the pause, too.

    `voice_end` is where the voice stopped, if it has: a decode that reaches so far holds all the words.
    """

    turn: int
    revision: int
    start: int
    end: int
    final: bool
    voice_end: int | None = None


@dataclass(frozen=True, slots=True)
class MeasureOverlap:
    """Look at the voice over ours, from `start` to now."""

    overlap: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """All that a reply rests on, frozen when it begins. `line`, where given, is said as it is."""

    situation: Situation
    config: SessionConfig
    modality: Modality
    instructions: str
    max_output_tokens: int | None
    seed: int
    line: str | None = None


@dataclass(frozen=True, slots=True)
class BeginReply:
    """Start making a reply; nothing of it leaves before `ReleaseReply`."""

    reply: int
    request: ReplyRequest


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    reply: int
    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop making the reply and drop what was not sent."""

    reply: int


@dataclass(frozen=True, slots=True)
class Duck:
    """Lower our voice, going on."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Fall silent, keeping the place. A client that gets our events stops what it was sent already, too."""

    client_holds: bool = False


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on at full voice from the sample where we were."""


@dataclass(frozen=True, slots=True)
class Murmur:
    """Say a small sound of listening while the user speaks; never a turn, never in the history."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Settle:
    """The turn counts: its voice may join the speaker's baseline."""

    turn: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Audio before this sample is not needed any more."""

    before: int


@dataclass(frozen=True, slots=True)
class Keep:
    """The turn counts, and its speaker has consented to be remembered."""

    user: str
    situation: Situation
    appraisal: Appraisal | None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The consent to be remembered has ended."""


Action = (
    Send
    | StartTimer
    | StopTimer
    | Hear
    | MeasureOverlap
    | BeginReply
    | ReleaseReply
    | CancelReply
    | Duck
    | Hold
    | Resume
    | Murmur
    | Settle
    | Forget
    | Keep
    | Withdraw
)

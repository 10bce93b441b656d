"""Region Overlap, the barge-in ladder: a voice over ours is ducked for, judged, and yielded to or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .actions import Duck, Hold, MeasureOverlap, Resume
from .context import Context
from .echo import is_echo
from .endpointing import milliseconds
from .events import OverlapMeasured, TimerKind
from .replies import Replies
from .turns import Turns

LOOK_MS = 60
"""Time between two looks at the clock and, once there is enough to hear, at the voice."""
HOLD_MS = 150
"""A voice that lasts this long and is still unclear silences us, for now: who wants the floor hears us stop
at once, and who only said "mm-hm" hears us go on from the same sample a moment later."""
LISTEN_FROM_MS = 300
"""A recogniser makes nothing, or nonsense, of less."""
WORDS_FROM_MS = 750
"""A shorter voice is a sound of listening, whatever a recogniser makes of it (of "mm-hmm" Whisper made "Do you want
to do that?"), unless it is one of the words that stop people. Sounds of listening last 0.3 to 0.75 s."""
CERTAIN_MS = 900
"""A voice that lasts this long wants the floor, whatever its words."""
LISTENING_MS = 1400
"""Unless they are words of listening: "yeah, right, okay" lasts longer."""
UNDECIDED_MS = 1500
"""A voice that has stopped and could not be judged by then was nothing: we go on."""
# fmt: off
BACKCHANNELS = frozenset(
    {
        "ah", "aha", "alright", "exactly", "good", "great", "hm", "hmm", "huh", "i", "mhm", "mm", "mm-hm",
        "mm-hmm", "mmm", "nice", "oh", "ok", "okay", "really", "right", "see", "so", "sure", "true", "uh",
        "uh-huh", "uhuh", "wow", "ya", "yeah", "yep", "yes", "yup",
    }
)
# fmt: on
"""Words that say "go on", not "my turn"."""
STOPPERS = frozenset({"stop", "wait", "hold", "no", "nope", "enough", "quiet", "pause", "excuse", "sorry", "hang"})
"""Short words that do take the floor."""


class Verdict(StrEnum):
    BACKCHANNEL = "backchannel"
    NOISE = "noise"
    ECHO = "echo"
    INTERRUPTION = "interruption"
    UNSURE = "unsure"


def judge(voiced_ms: int, text: str, *, echo: bool = False, over: bool) -> Verdict:
    """What a voice over ours is, from how long it lasts, its words so far, and whether it is like ours.

    `over` says that it has stopped already. We are silent meanwhile (`HOLD_MS`), so that waiting for a surer
    verdict costs an interrupter nothing. A short sound without words is noise.
    """
    if echo:
        return Verdict.ECHO
    words = _words(text)
    others = [word for word in words if word not in BACKCHANNELS]
    if others and (voiced_ms >= WORDS_FROM_MS or STOPPERS & set(others)):
        return Verdict.INTERRUPTION
    if voiced_ms >= (LISTENING_MS if words and not others else CERTAIN_MS):
        return Verdict.INTERRUPTION
    if not over:
        return Verdict.UNSURE
    return Verdict.BACKCHANNEL if words else Verdict.NOISE


def _words(text: str) -> list[str]:
    """Words without their punctuation; a cough that was heard as one syllable again and again has none."""
    plain = [stripped for word in text.split() if (stripped := word.strip(".,!?…-\"'").lower())]
    repeated = len(plain) > 2 and len(set(plain)) == 1 and not set(plain) & STOPPERS
    return [] if repeated else plain


@dataclass(slots=True)
class Overlap:
    """A voice over ours, not yet judged; what counts is what came after `since`, where it was last our echo."""

    number: int
    onset: int
    since: int
    offset: int | None = None
    held: bool = False
    waits: bool = False
    """It is a turn, but what we are saying is not cut off for it: it begins when we have ended."""
    unlike: bool = False
    """Whether it was found to be no echo."""


class Overlaps:
    """Holds at most one overlap; while there is one, the voice is no turn yet.

    A client without echo cancellation sends our own voice back all the time. Once one was heard, we fall silent only
    for a voice that is known to be another: else we would stutter. An interruption ends that.
    """

    def __init__(self, context: Context, turns: Turns, replies: Replies) -> None:
        self._context = context
        self._turns = turns
        self._replies = replies
        self._numbers = 0
        self._echoing = False
        self.current: Overlap | None = None

    def begin(self, onset: int) -> None:
        self._numbers += 1
        self.current = Overlap(self._numbers, onset, onset)
        if not self._echoing:
            self._context.act(Duck())
            self._context.notice("duck")
        self._context.start(TimerKind.OVERLAP, LOOK_MS)

    def resume(self) -> None:
        """The voice came back before its sound was judged: it is one."""
        if self.current is not None:
            self.current.offset = None

    def stop(self, offset: int) -> None:
        """The voice has stopped: one last look."""
        if self.current is not None:
            self.current.offset = offset
            if not self.current.waits:
                self._look()

    def on_look_due(self) -> None:
        overlap = self.current
        if overlap is None:
            return
        voiced_ms = self._voiced_ms(overlap)
        may_silence = overlap.unlike or not self._echoing
        if overlap.offset is None and voiced_ms >= HOLD_MS and may_silence and not self._replies.protected:
            self._hold(overlap)
        if overlap.offset is None and voiced_ms >= LISTENING_MS and may_silence:
            self._decide(overlap, Verdict.INTERRUPTION)
        elif overlap.offset is not None and milliseconds(self._context.at - overlap.since) >= UNDECIDED_MS:
            self._decide(overlap, Verdict.NOISE)
        elif overlap.offset is not None or voiced_ms >= LISTEN_FROM_MS:
            self._look()
        else:
            self._context.start(TimerKind.OVERLAP, LOOK_MS)

    def on_measured(self, event: OverlapMeasured) -> None:
        overlap = self.current
        if overlap is None or overlap.number != event.overlap or overlap.waits:
            return
        echo = is_echo(event.echo, event.heard_ms / 1000)
        verdict = judge(self._voiced_ms(overlap), event.text, echo=echo, over=overlap.offset is not None)
        if verdict is Verdict.ECHO:
            self._echo(overlap)
        elif verdict is Verdict.UNSURE:
            overlap.unlike = True
        else:
            self._decide(overlap, verdict)

    def over(self) -> None:
        """We have stopped speaking by ourselves: whatever the voice is, it is the user's turn now."""
        if self.current is None or (self.current.offset is not None and not self.current.waits):
            return
        if self._echoing and not self.current.unlike and not self.current.waits:
            self.current.since = self._context.at  # what is left of our echo is shorter than any word
        self._decide(self.current, Verdict.INTERRUPTION)

    def _hold(self, overlap: Overlap) -> None:
        if not overlap.held:
            overlap.held = True
            self._context.act(Hold(client_holds=self._context.empathy.events))
            self._context.notice("hold")

    def _echo(self, overlap: Overlap) -> None:
        """It is our own voice; go on, and listen for another in it."""
        self._echoing = True
        if overlap.offset is not None:
            self._decide(overlap, Verdict.ECHO)
            return
        self._context.act(Resume())
        self._context.notice("resume")
        overlap.held = overlap.unlike = False
        overlap.since = self._context.at

    def _voiced_ms(self, overlap: Overlap) -> int:
        end = self._context.at if overlap.offset is None else overlap.offset
        return milliseconds(max(0, end - overlap.since))

    def _look(self) -> None:
        assert self.current is not None
        self._context.act(MeasureOverlap(self.current.number, self.current.since, self._context.at))
        self._context.start(TimerKind.OVERLAP, LOOK_MS)

    def _decide(self, overlap: Overlap, verdict: Verdict) -> None:
        self._context.stop(TimerKind.OVERLAP)
        if verdict is Verdict.INTERRUPTION and self._replies.protected:
            # Not announced either: many clients stop playing as soon as a turn has begun.
            overlap.waits = True
            self._context.act(Resume())
            self._context.notice("resume")
            return
        self.current = None
        self._context.notice("overlap", verdict=str(verdict), after_ms=milliseconds(self._context.at - overlap.onset))
        if verdict is not Verdict.INTERRUPTION:
            self._context.act(Resume())
            self._context.notice("resume")
            return
        self._echoing = False
        self._replies.interrupt("turn_detected")
        self._turns.begin(overlap.since)
        if overlap.offset is not None:
            self._turns.pause(overlap.offset)

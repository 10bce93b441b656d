"""Region Response and Playback: at most one reply is made, at most one is audible, each ends exactly once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from ...models.base import Appraisal, Situation
from ...models.labels import Risk
from .actions import BeginReply, CancelReply, Keep, ReleaseReply, ReplyRequest
from .config import ResponseOptions
from .context import Context
from .endpointing import milliseconds
from .events import (
    Appraised,
    Degraded,
    Drained,
    Played,
    Recollected,
    ReplyFinished,
    TimerKind,
    Voiced,
    Worded,
)
from .history import Entry
from .items import Item, ItemStatus
from .ledger import Ledger
from .outputs import ItemTruncated, ResponseEnded, ResponseStarted, ResponseStatus, StatusReason, Usage
from .trace import appraisal_record

REPLY_DEADLINE_MS = 30_000
"""A reply that makes no progress for this long is given up; its own stages give up sooner."""


class Phase(StrEnum):
    WAITING = "waiting"
    """The response is announced; the words it answers are not known yet."""
    SPECULATIVE = "speculative"
    """Being made, in case the turn is over; nothing of it is visible."""
    COMMITTED = "committed"
    """Announced and being made; nothing was heard yet."""
    SPEAKING = "speaking"


LEGAL: dict[Phase | None, set[Phase | None]] = {
    None: {Phase.WAITING, Phase.SPECULATIVE, Phase.COMMITTED},
    Phase.WAITING: {Phase.COMMITTED, None},
    Phase.SPECULATIVE: {Phase.COMMITTED, None},
    Phase.COMMITTED: {Phase.SPEAKING, None},
    Phase.SPEAKING: {None},
}


@dataclass(slots=True)
class Reply:
    """One reply from its beginning to the last sample heard."""

    number: int
    options: ResponseOptions
    phase: Phase
    began: int
    stamp: tuple[int, int] | None = None
    response_id: str = ""
    item_id: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    situation: Situation | None = None
    appraisal: Appraisal | None = None
    recalled: tuple[str, ...] = ()
    played: int = 0
    finish: ReplyFinished | None = None
    ended: bool = False
    whole: bool = False
    """All of it was sent, and nobody stopped it."""
    was_speculative: bool = False
    origin: int | None = None
    timings: dict[str, int] = field(default_factory=dict)
    first_phrase_ms: int | None = None
    degraded: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Speculation:
    """Work done ahead of the end of a turn: begun, and how much of that served."""

    begun: int = 0
    used: int = 0


class Replies:
    """`current` is being made or sent; `audible` may still be coming out of the client's speaker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._numbers = 0
        self.current: Reply | None = None
        self.audible: Reply | None = None
        self._spoken: dict[str, Reply] = {}
        self.speculation = Speculation()

    @property
    def active(self) -> Reply | None:
        """The response in progress, as a client sees it."""
        return None if self.current is None or self.current.phase is Phase.SPECULATIVE else self.current

    @property
    def protected(self) -> bool:
        """Whether what is being said is support in a crisis: nobody's voice cuts that off."""
        appraisal = self.audible.appraisal if self.audible is not None else None
        return appraisal is not None and appraisal.risk is Risk.CRISIS

    # -- beginning ---------------------------------------------------------------------------------

    def announce(self, options: ResponseOptions) -> None:
        """Open a response before the words it answers are known."""
        reply = self._new(options, Phase.WAITING)
        self._open(reply)

    def speculate(self, situation: Situation, stamp: tuple[int, int], origin: int) -> None:
        reply = self._new(ResponseOptions(), Phase.SPECULATIVE, stamp)
        reply.was_speculative, reply.origin = True, origin
        self.speculation.begun += 1
        self._make(reply, situation)

    def respond(
        self, situation: Situation, options: ResponseOptions, *, line: str | None = None, origin: int | None = None
    ) -> None:
        """Make and say a reply now, in the response that waits for it or in a new one."""
        reply = self.current
        if reply is None or reply.phase is not Phase.WAITING:
            self.drop_speculation()
            reply = self._new(options, Phase.COMMITTED)
            self._open(reply)
        self._enter(reply, Phase.COMMITTED)
        reply.origin = origin
        self._make(reply, situation, line)
        self._release(reply)

    def release(self, stamp: tuple[int, int]) -> bool:
        """Let a speculative reply out, if it answers just this pause."""
        reply = self.current
        if reply is None or reply.phase is not Phase.SPECULATIVE or reply.stamp != stamp:
            return False
        self.speculation.used += 1
        self._enter(reply, Phase.COMMITTED)
        self._open(reply)
        self._mark(reply, "committed")
        self._release(reply)
        return True

    def drop_speculation(self) -> None:
        """The user went on: what was made ahead never happened."""
        if self.current is not None and self.current.phase is Phase.SPECULATIVE:
            self._context.act(CancelReply(self.current.number))
            self._context.stop(TimerKind.REPLY)
            self._leave()

    # -- what the reply reports --------------------------------------------------------------------

    def on_appraised(self, event: Appraised) -> None:
        if reply := self._of(event.reply):
            reply.appraisal = event.appraisal
            self._mark(reply, "appraised")

    def on_recollected(self, event: Recollected) -> None:
        if reply := self._of(event.reply):
            reply.recalled = event.facts

    def on_worded(self, event: Worded) -> None:
        if reply := self._of(event.reply):
            reply.ledger.word(event.text)
            self._mark(reply, "first_words")
            self._progress()

    def on_voiced(self, event: Voiced) -> None:
        if reply := self._of(event.reply):
            if event.starts_phrase and reply.ledger.samples:
                reply.first_phrase_ms = reply.first_phrase_ms or reply.ledger.duration_ms
                self._mark(reply, "second_audio")
            reply.ledger.voice(event.samples, event.rate_hz, event.words, starts_phrase=event.starts_phrase)
            self._mark(reply, "first_audio")
            self._progress()
            self._sound(reply)

    def on_degraded(self, event: Degraded) -> None:
        if reply := self._of(event.reply):
            reply.degraded.append(f"{event.stage}: {event.message}")

    def on_finished(self, event: ReplyFinished) -> None:
        if reply := self._of(event.reply):
            reply.finish = event
            self._mark(reply, "finished")
            self._context.stop(TimerKind.REPLY)

    def on_drained(self, event: Drained) -> None:
        reply = self._of(event.reply)
        if reply is None or reply.finish is None:
            return
        status: ResponseStatus = "completed"
        if reply.finish.error is not None:
            status = "failed"
        elif reply.finish.reason is not None:
            status = "incomplete"
        self._end(reply, status, reply.finish.reason, reply.ledger.text)
        reply.whole = True
        if reply.ledger.samples:
            self._context.start(TimerKind.PLAYBACK, 0, since=event.playback_ends)
        else:
            self.audible = None

    def on_played(self, event: Played) -> None:
        for reply in (self.current, self.audible):
            if reply is not None and reply.number == event.reply:
                reply.played = event.samples

    def on_playback_over(self) -> None:
        if self.audible is not None and self.audible.ended:
            self.audible.played = self.audible.ledger.samples
            self.audible = None

    def on_missed(self, item_id: str, missed_ms: int) -> None:
        """Audio that we took for played is only now arriving: it can still be interrupted."""
        reply = self._spoken.get(item_id)
        if reply is None or not reply.whole or self.current is not None or self.audible not in (None, reply):
            return
        missed = min(reply.ledger.samples, missed_ms * reply.ledger.rate_hz // 1000)
        reply.played = reply.ledger.samples - missed
        self.audible = reply
        self._context.start(TimerKind.PLAYBACK, missed_ms)

    def on_deadline(self) -> None:
        if self.current is not None:
            self.fail("the reply made no progress")

    # -- ending ------------------------------------------------------------------------------------

    def interrupt(self, reason: StatusReason) -> None:
        """Stop what is being said; the history keeps what was heard."""
        numbers = {reply.number for reply in (self.current, self.audible) if reply is not None}
        self._context.act(*(CancelReply(number) for number in sorted(numbers)))
        if self.current is not None and self.current.phase is Phase.SPECULATIVE:
            self._leave()
        elif self.current is not None:
            self._end(self.current, "cancelled", reason, self.current.ledger.heard(self.current.played))
        elif self.audible is not None:
            self._keep_heard(self.audible)
        if self.audible is not None:
            self.audible.whole = False
        self.audible = None
        self._context.stop(TimerKind.PLAYBACK)

    def fail(self, error: str) -> None:
        """End the response in progress without an answer."""
        reply = self.current
        if reply is None:
            return
        self._context.act(CancelReply(reply.number))
        if reply.phase is Phase.SPECULATIVE:
            self._leave()
        else:
            self._end(reply, "failed", None, reply.ledger.heard(reply.played), error)
        self.audible = None

    def finish_silently(self) -> None:
        """End a response that has nothing to answer."""
        if self.current is not None:
            self._end(self.current, "completed", None, "")

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> bool:
        """The client says where it stopped playing; past the end is clamped. False: not one of our items."""
        reply = self._spoken.get(item_id)
        if not self._context.history.has(item_id):
            return False
        if reply is None:  # said by another server, which knew when its words were
            ours = self._context.history.get(item_id).item.kind == "output_audio"
            if ours:
                self._context.send(ItemTruncated(item_id, content_index, audio_end_ms))
            return ours
        reply.played = min(reply.ledger.samples, audio_end_ms * reply.ledger.rate_hz // 1000)
        self._context.send(ItemTruncated(item_id, content_index, reply.played * 1000 // max(1, reply.ledger.rate_hz)))
        self._context.history.update(item_id, text=reply.ledger.heard(reply.played))
        return True

    # -- inside ------------------------------------------------------------------------------------

    def _new(self, options: ResponseOptions, phase: Phase, stamp: tuple[int, int] | None = None) -> Reply:
        self._numbers += 1
        self.current = Reply(self._numbers, options, phase, self._context.at, stamp)
        return self.current

    def _enter(self, reply: Reply, phase: Phase) -> None:
        if reply.phase is not phase and phase not in LEGAL[reply.phase]:
            raise AssertionError(f"reply {reply.number}: {reply.phase} -> {phase}")
        reply.phase = phase

    def _leave(self) -> None:
        self.current = None

    def _of(self, number: int) -> Reply | None:
        return self.current if self.current is not None and self.current.number == number else None

    def _open(self, reply: Reply) -> None:
        context = self._context
        reply.response_id, reply.item_id = context.new_id("resp"), context.new_id("item")
        modality = reply.options.output_modality or context.config.output_modality
        previous = context.history.last_id
        kept = reply.options.conversation
        context.send(
            ResponseStarted(reply.response_id, reply.item_id, previous, modality, reply.options.metadata, kept)
        )
        if kept:
            context.history.insert(Entry(self._item(reply, "", "in_progress")))

    def _make(self, reply: Reply, situation: Situation, line: str | None = None) -> None:
        config, options = self._context.config, reply.options
        reply.situation = situation
        said = [options.instructions if options.instructions is not None else config.instructions]
        request = ReplyRequest(
            situation=situation,
            config=config,
            modality=options.output_modality or config.output_modality,
            instructions="\n".join(text for text in [*said, self._context.history.instructions()] if text),
            max_output_tokens=options.max_output_tokens or config.max_output_tokens,
            seed=reply.number,
            line=line,
        )
        self._context.act(BeginReply(reply.number, request))
        self._progress()

    def _release(self, reply: Reply) -> None:
        self._context.act(ReleaseReply(reply.number, reply.response_id, reply.item_id))
        self._sound(reply)

    def _sound(self, reply: Reply) -> None:
        if reply.phase is Phase.COMMITTED and reply.ledger.samples:
            self._enter(reply, Phase.SPEAKING)
            self._spoken[reply.item_id] = reply
            for old in list(self._spoken)[:-64]:
                del self._spoken[old]
            self.audible = reply

    def _progress(self) -> None:
        self._context.start(TimerKind.REPLY, REPLY_DEADLINE_MS)

    def _end(
        self,
        reply: Reply,
        status: ResponseStatus,
        reason: StatusReason | None,
        text: str,
        error: str | None = None,
    ) -> None:
        context = self._context
        item = self._item(reply, text, "completed" if status == "completed" else "incomplete")
        if reply.options.conversation and context.history.has(reply.item_id):
            context.history.update(reply.item_id, text=text, status=item.status)
            context.history.annotate(reply.item_id, appraisal=reply.appraisal)
            self._keep(reply)
        reply.ended = True
        finish = reply.finish
        context.send(
            ResponseEnded(
                response_id=reply.response_id,
                item=item,
                modality=reply.options.output_modality or context.config.output_modality,
                status=status,
                reason=reason,
                error=error or (finish.error if finish else None),
                usage=finish.usage if finish else Usage(),
                metadata=reply.options.metadata,
                empathy=self._record(reply),
            )
        )
        context.stop(TimerKind.REPLY)
        self._leave()

    def _keep_heard(self, reply: Reply) -> None:
        if reply.options.conversation and self._context.history.has(reply.item_id):
            self._context.history.update(reply.item_id, text=reply.ledger.heard(reply.played), status="incomplete")

    def _keep(self, reply: Reply) -> None:
        """What the person said counts, however much of the answer they heard."""
        empathy, situation = self._context.empathy, reply.situation
        if empathy.memory and situation is not None and situation.text:
            self._context.act(Keep(empathy.user, situation, reply.appraisal))

    def _item(self, reply: Reply, text: str, status: ItemStatus) -> Item:
        spoken = (reply.options.output_modality or self._context.config.output_modality) == "audio"
        return Item(reply.item_id, "assistant", "output_audio" if spoken else "output_text", text, status)

    def _mark(self, reply: Reply, stage: str) -> None:
        since = reply.began if reply.origin is None else reply.origin
        reply.timings.setdefault(stage, milliseconds(self._context.at - since))

    def _record(self, reply: Reply) -> dict[str, Any]:
        record: dict[str, Any] = {"timings_ms": dict(reply.timings), "speculative": reply.was_speculative}
        if reply.first_phrase_ms is not None:
            record["first_phrase_ms"] = reply.first_phrase_ms
            record["gap_ms"] = _gap_ms(reply)
        if reply.appraisal is not None:
            record["appraisal"] = appraisal_record(reply.appraisal)
            record["cues"] = self._cues_of(reply)
        if reply.recalled:
            record["recalled"] = list(reply.recalled)
        if reply.degraded:
            record["degraded"] = list(reply.degraded)
        return record

    def _cues_of(self, reply: Reply) -> Literal["whole", "partial", "none"]:
        """Whether the reply rests on how all of the turn was said, on a part or an older reading of it, or on words."""
        used = reply.situation.cues if reply.situation is not None else None
        if used is None:
            return "none"
        history = self._context.history
        known = history.cues_before(reply.item_id) if history.has(reply.item_id) else None
        return "whole" if used is known else "partial"


def _gap_ms(reply: Reply) -> int:
    """Silence between the first phrase (an opener) and the second, as the ear has it."""
    timings = reply.timings
    began = max(timings["first_audio"], timings.get("committed", 0))
    return max(0, timings["second_audio"] - began - (reply.first_phrase_ms or 0))

"""Region Response: at most one reply is made at a time, and each ends exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.base import Situation
from ...models.labels import Risk
from .actions import BeginReply, CancelReply, Keep, ReleaseReply, ReplyRequest
from .config import Modality, ResponseOptions
from .context import Context
from .events import Appraised, Degraded, Drained, Recollected, ReplyFinished, TimerKind, Voiced, Worded
from .history import Entry
from .items import Item, ItemStatus, PartKind
from .outputs import ResponseEnded, ResponseStarted, ResponseStatus, StatusReason, Usage
from .playback import Playback
from .reply import Phase, Reply
from .trace import reply_record

REPLY_DEADLINE_MS = 30_000
"""A reply that makes no progress for this long is given up; its own stages give up sooner."""


@dataclass(slots=True)
class Speculation:
    """Work done ahead of the end of a turn: begun, and how much of that served."""

    begun: int = 0
    used: int = 0


class Replies:
    """`current` is being made or sent; what was sent is the playback's."""

    def __init__(self, context: Context, playback: Playback) -> None:
        self._context = context
        self._playback = playback
        self._numbers = 0
        self.current: Reply | None = None
        self.speculation = Speculation()

    @property
    def active(self) -> Reply | None:
        """The response in progress, as a client sees it."""
        return None if self.current is None or self.current.phase is Phase.SPECULATIVE else self.current

    @property
    def audible(self) -> Reply | None:
        """The reply that may still be coming out of the client's speaker."""
        return self._playback.audible

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
        reply.enter(Phase.COMMITTED)
        reply.origin = origin
        self._make(reply, situation, line)
        self._release(reply)

    def release(self, stamp: tuple[int, int]) -> bool:
        """Let a speculative reply out, if it answers just this pause."""
        reply = self.current
        if reply is None or reply.phase is not Phase.SPECULATIVE or reply.stamp != stamp:
            return False
        self.speculation.used += 1
        reply.enter(Phase.COMMITTED)
        self._open(reply)
        reply.mark("committed", self._context.at)
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
            reply.mark("appraised", self._context.at)

    def on_recollected(self, event: Recollected) -> None:
        if reply := self._of(event.reply):
            reply.recalled = event.facts

    def on_worded(self, event: Worded) -> None:
        if reply := self._of(event.reply):
            reply.ledger.word(event.text)
            reply.mark("first_words", self._context.at)
            self._progress()

    def on_voiced(self, event: Voiced) -> None:
        if reply := self._of(event.reply):
            if event.starts_phrase and reply.ledger.samples:
                reply.first_phrase_ms = reply.first_phrase_ms or reply.ledger.duration_ms
                reply.mark("second_audio", self._context.at)
            reply.ledger.voice(event.samples, event.rate_hz, event.words, starts_phrase=event.starts_phrase)
            reply.mark("first_audio", self._context.at)
            self._progress()
            self._sound(reply)

    def on_degraded(self, event: Degraded) -> None:
        if reply := self._of(event.reply):
            reply.degraded.append(f"{event.stage}: {event.message}")

    def on_finished(self, event: ReplyFinished) -> None:
        if reply := self._of(event.reply):
            reply.finish = event
            reply.mark("finished", self._context.at)
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
        self._end(reply, status, reply.ledger.text, reason=reply.finish.reason)
        self._playback.drain(reply, event.playback_ends)

    def on_missed(self, item_id: str, missed_ms: int) -> None:
        """A client that was away has audio still to come that we took for played."""
        if self.current is None:
            self._playback.miss(item_id, missed_ms)

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
            self._end(self.current, "cancelled", self.current.heard, reason=reason)
        self._playback.interrupt()

    def fail(self, error: str) -> None:
        """End the response in progress without an answer."""
        reply = self.current
        if reply is None:
            return
        self._context.act(CancelReply(reply.number))
        if reply.phase is Phase.SPECULATIVE:
            self._leave()
        else:
            self._end(reply, "failed", reply.heard, error=error)
        self._playback.audible = None

    def finish_silently(self) -> None:
        """End a response that has nothing to answer."""
        if self.current is not None:
            self._end(self.current, "completed", "")

    # -- inside ------------------------------------------------------------------------------------

    def _new(self, options: ResponseOptions, phase: Phase, stamp: tuple[int, int] | None = None) -> Reply:
        self._numbers += 1
        self.current = Reply(self._numbers, options, phase, self._context.at, stamp)
        return self.current

    def _leave(self) -> None:
        self.current = None

    def _of(self, number: int) -> Reply | None:
        return self.current if self.current is not None and self.current.number == number else None

    def _open(self, reply: Reply) -> None:
        context = self._context
        reply.response_id, reply.item_id = context.new_id("resp"), context.new_id("item")
        previous, modality = context.history.last_id, self._modality(reply)
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
            modality=self._modality(reply),
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
            reply.enter(Phase.SPEAKING)
            self._playback.begin(reply)

    def _progress(self) -> None:
        self._context.start(TimerKind.REPLY, REPLY_DEADLINE_MS)

    def _end(
        self,
        reply: Reply,
        status: ResponseStatus,
        text: str,
        *,
        reason: StatusReason | None = None,
        error: str | None = None,
    ) -> None:
        """Close the response; `text` is what the conversation holds of it from now on."""
        context, history = self._context, self._context.history
        item = self._item(reply, text, "completed" if status == "completed" else "incomplete")
        kept = reply.options.conversation and history.has(reply.item_id)
        known = history.cues_before(reply.item_id) if kept else None
        if kept:
            history.update(reply.item_id, text=text, status=item.status)
            history.annotate(reply.item_id, appraisal=reply.appraisal)
            self._keep(reply)
        reply.ended, finish = True, reply.finish
        context.send(
            ResponseEnded(
                response_id=reply.response_id,
                item=item,
                modality=self._modality(reply),
                status=status,
                reason=reason,
                error=error or (finish.error if finish else None),
                usage=finish.usage if finish else Usage(),
                metadata=reply.options.metadata,
                empathy=reply_record(reply, known),
            )
        )
        context.stop(TimerKind.REPLY)
        reply.situation = reply.finish = None  # the playback remembers replies, and need not all turns before each
        self._leave()

    def _keep(self, reply: Reply) -> None:
        """What the person said counts, however much of the answer they heard."""
        empathy, situation = self._context.empathy, reply.situation
        if empathy.memory and situation is not None and situation.text:
            self._context.act(Keep(empathy.user, situation, reply.appraisal))

    def _item(self, reply: Reply, text: str, status: ItemStatus) -> Item:
        kind: PartKind = "output_audio" if self._modality(reply) == "audio" else "output_text"
        return Item(reply.item_id, "assistant", kind, text, status)

    def _modality(self, reply: Reply) -> Modality:
        return reply.options.output_modality or self._context.config.output_modality

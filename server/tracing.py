"""OpenTelemetry: one trace a turn, its stages as spans, fed by the one observation hook.

    turn            from the first sound of the user's voice (or the request) to the end of the response
      hearing       a pause that was listened to: until its words were known
      end_of_turn   ... until it was judged
      cues          ... until the voice was read
      reply         one that was begun, used or not; `affetto.used` tells
        appraisal   until it was appraised
        language    from there to the first phrase
        speech      from there to the first sound
        speaking    from its release to the last sample sent

Times are those of the session's clock, put on the wall's at its beginning, so that a clock that jumps bends no span.
Spans have ids, times, names of stages and ends of responses; never a word.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, Status, StatusCode

from .. import __version__
from ..models.base import HEARING_RATE_HZ
from ..pipelines.duplex.actions import Action, BeginReply, CancelReply, Hear, ReleaseReply, Send
from ..pipelines.duplex.events import (
    Appraised,
    CuesRead,
    Degraded,
    Drained,
    Event,
    HearingFailed,
    PauseJudged,
    Recognized,
    ReplyFinished,
    Voiced,
    Worded,
)
from ..pipelines.duplex.observe import Observer, Record, SessionClosed, Stepped
from ..pipelines.duplex.outputs import AudioCommitted, ResponseEnded, SpeechStarted

PAUSE_STAGES = ("hearing", "end_of_turn", "cues")
PREFIX = "affetto"


class Tracing:
    """A tracer and where its spans go; `observer` gives each session its own part of the hook."""

    def __init__(self, processor: SpanProcessor) -> None:
        resource = Resource.create({"service.name": PREFIX, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(PREFIX, __version__)

    def observer(self) -> Observer:
        return Spans(self._tracer).observe

    def close(self) -> None:
        """Send what waits to be sent; blocks."""
        self._provider.shutdown()


class Spans:
    """One session's spans that are open now, by name, and by reply or pause."""

    def __init__(self, tracer: trace.Tracer, clock: Callable[[], int] = time.time_ns) -> None:
        self._tracer = tracer
        self._clock = clock
        self._zero: int | None = None
        self._at = 0
        self._turn: Span | None = None
        self._open: dict[tuple[str, int], Span] = {}
        self._turns = 0
        self._session = ""

    def observe(self, record: Record) -> None:
        match record:
            case Stepped():
                self._session = record.session_id
                self._step(record.event, record.actions)
            case SessionClosed():
                self._end_turn("closed")

    def _step(self, event: Event, actions: tuple[Action, ...]) -> None:
        if self._zero is None:
            self._zero = self._clock() - _ns(event.at)
        self._at = max(self._at, event.at)
        self._on_event(event)
        for action in actions:
            self._on_action(action)

    # -- what happened -----------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event:
            case Recognized() if event.transcript.final:
                self._end("hearing", event.turn)
            case PauseJudged():
                self._end("end_of_turn", event.turn)
            case CuesRead():
                self._end("cues", event.turn)
            case HearingFailed():
                stage = {"recognition": "hearing", "turn": "end_of_turn"}.get(event.stage, event.stage)
                self._end(stage, event.turn, failed=True)
            case Appraised():
                self._next("appraisal", "language", event.reply)
            case Worded():
                self._next("language", "speech", event.reply)
            case Voiced():
                self._end("speech", event.reply)
            case Degraded() if (span := self._open.get(("reply", event.reply))) is not None:
                span.add_event("degraded", {f"{PREFIX}.stage": event.stage}, timestamp=self._now)
            case ReplyFinished():
                self._end("language", event.reply)
                self._end("speech", event.reply)
            case Drained():
                self._end("speaking", event.reply)

    def _on_action(self, action: Action) -> None:
        match action:
            case Send(output=SpeechStarted()):
                self._end_turn("silent")
                self._begin_turn("spoken")
            case Send(output=AudioCommitted()) if self._turn is not None:
                self._turn.add_event("committed", timestamp=self._now)
            case Send(output=ResponseEnded() as ended):
                self._end_turn(ended.status, ended.response_id)
            case Hear(final=True):
                for stage in PAUSE_STAGES:
                    self._begin(stage, action.turn)
            case BeginReply():
                if self._turn is None:
                    self._begin_turn("written")
                self._begin("reply", action.reply)
                self._begin("appraisal", action.reply, under=("reply", action.reply))
            case ReleaseReply():
                if span := self._open.get(("reply", action.reply)):
                    span.set_attributes({f"{PREFIX}.used": True, f"{PREFIX}.response": action.response_id})
                self._begin("speaking", action.reply, under=("reply", action.reply))
            case CancelReply():
                self._end_reply(action.reply)

    # -- spans -------------------------------------------------------------------------------------

    @property
    def _now(self) -> int:
        return (self._zero or 0) + _ns(self._at)

    def _begin_turn(self, kind: str) -> None:
        self._turns += 1
        attributes: dict[str, str | int] = {
            f"{PREFIX}.session": self._session,
            f"{PREFIX}.turn": self._turns,
            f"{PREFIX}.kind": kind,
        }
        self._turn = self._tracer.start_span("turn", start_time=self._now, attributes=attributes)

    def _end_turn(self, status: str, response_id: str = "") -> None:
        if self._turn is None:
            return
        for name, number in list(self._open):
            self._end(name, number)
        self._turn.set_attribute(f"{PREFIX}.status", status)
        if response_id:
            self._turn.set_attribute(f"{PREFIX}.response", response_id)
        if status == "failed":
            self._turn.set_status(Status(StatusCode.ERROR))
        self._turn.end(self._now)
        self._turn = None

    def _begin(self, name: str, number: int, *, under: tuple[str, int] | None = None) -> None:
        parent = self._open.get(under) if under is not None else self._turn
        if parent is None:
            return
        self._end(name, number)
        context = trace.set_span_in_context(parent)
        self._open[name, number] = self._tracer.start_span(name, context, start_time=self._now)

    def _next(self, ended: str, begun: str, reply: int) -> None:
        """One stage of a reply is over, and the next begins; each has only a first time."""
        if (ended, reply) in self._open:
            self._end(ended, reply)
            self._begin(begun, reply, under=("reply", reply))

    def _end(self, name: str, number: int, *, failed: bool = False) -> None:
        span = self._open.pop((name, number), None)
        if span is None:
            return
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(self._now)

    def _end_reply(self, number: int) -> None:
        for name in ("appraisal", "language", "speech", "speaking", "reply"):
            self._end(name, number)


def _ns(samples: int) -> int:
    return samples * 1_000_000_000 // HEARING_RATE_HZ

"""Server events: from what a session says to the wire's events, in the order that clients rely on. Pure.

voice turn  speech_started, speech_stopped, committed, item.added, item.done; its transcript comes when it comes
response    wire_response.py
"""

from __future__ import annotations

from typing import Any

from ..models.base import SpokenWord
from ..pipelines.duplex import outputs as out
from .audio import AudioOutput
from .resumption import event_id
from .wire_beta import translated
from .wire_errors import ProtocolError
from .wire_items import item_record
from .wire_response import Event, MakeEvent, Responses, audio_events
from .wire_session import WireSession

AMENDED = frozenset({"recognition_failed", "cues_failed", "turn_failed", "appraisal_failed", "memory_failed"})
"""Failures after which the user gets an answer all the same. Clients take `error` for the end of the session
(pipecat#1781), so these are told by `...transcription.failed`, `response.done.empathy` and `empathy.failure` only."""


class Numbered:
    """Makes a session's events, each with the next number in its id."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self.count = 0

    def __call__(self, kind: str, **fields: Any) -> Event:
        self.count += 1
        return {"type": kind, "event_id": event_id(self._session_id, self.count), **fields}


class Encoder:
    """One connection's server side; `event_id` counts up within it."""

    def __init__(self, session: WireSession, *, beta: bool = False) -> None:
        self._session = session
        self._beta = beta
        self._event = Numbered(session.id)
        self._responses = Responses(session, self._event)

    @property
    def responding(self) -> bool:
        """Whether a response has begun and not ended."""
        return self._responses.open

    @property
    def count(self) -> int:
        """The number of the last event."""
        return self._event.count

    @count.setter
    def count(self, number: int) -> None:
        """Go on from an event that another gateway sent."""
        self._event.count = number

    def lost(self, response: Event) -> list[Event]:
        """The end of a response whose gateway was lost in the middle of it, as it was when it was created."""
        details = {"type": "cancelled", "reason": "client_cancelled"}
        ended = {**response, "status": "cancelled", "status_details": details}
        return self._out([self._event("response.done", response=ended)])

    def created(self) -> list[Event]:
        return self._out([self._event("session.created", session=self._session.echo())])

    def resumed(self, last: int, resumption: int, taken: int) -> Event:
        """`session.created` for a client that is back: its place is that of the last event that the client has;
        `taken` is how many of its own events we had before."""
        session = self._session.echo()
        session["empathy"]["events_taken"] = taken
        event = {"type": "session.created", "event_id": event_id(self._session.id, last, resumption)}
        return self._out([event | {"session": session}])[0]

    def error(self, error: ProtocolError, kind: str = "invalid_request_error") -> list[Event]:
        given = {"param": error.param, "event_id": error.event_id}
        detail = {"type": kind, "code": error.code, "message": error.message}
        detail |= {key: value for key, value in given.items() if value is not None}
        return self._out([self._event("error", error=detail)])

    def encode(self, output: out.Output) -> list[Event]:
        """All events that an output stands for."""
        match output:
            case out.Rejected():
                return self.error(ProtocolError(output.code, output.message, output.param, output.event_id))
            case out.Failure():
                return self._out(self._failure(output))
            case out.Configured():
                return self._out([self._event("session.updated", session=self._session.echo())])
            case out.Notice() | out.Backchannel() | out.ResponseWords():
                return self._extension(output)
            case out.ResponseStarted() | out.ResponseText() | out.ResponseAudio() | out.ResponseEnded():
                return self._out(self._responses.encode(output))
            case out.TranscriptDelta() | out.TranscriptCompleted() | out.TranscriptFailed():
                return self._out(_transcript(output, self._event)) if self._transcribes() else []
            case _:
                return self._out(_heard(output, self._event))

    def _failure(self, failure: out.Failure) -> list[Event]:
        if failure.code not in AMENDED:
            error = {"type": "server_error", "code": failure.code, "message": failure.message}
            return [self._event("error", error=error)]
        if not self._session.model.empathy.events:
            return []
        return [self._event("empathy.failure", code=failure.code, message=failure.message)]

    def _extension(self, output: out.Notice | out.Backchannel | out.ResponseWords) -> list[Event]:
        if not self._session.model.empathy.events:
            return []
        if isinstance(output, out.Notice):
            return [self._event(f"empathy.{output.kind}", **output.fields)]
        if isinstance(output, out.ResponseWords):
            words = [_timed(word, output.rate_hz) for word in output.words]
            return [self._event("empathy.words", response_id=output.response_id, item_id=output.item_id, words=words)]
        codec = AudioOutput(self._session.model.audio.output.format.type)
        data = codec.encode(output.samples, output.rate_hz) + codec.flush()
        return audio_events("empathy.backchannel", {"text": output.text}, data, codec.bytes_per_s, self._event)

    def _transcribes(self) -> bool:
        return self._session.model.audio.input.transcription is not None

    def _out(self, events: list[Event]) -> list[Event]:
        return translated(events) if self._beta else events


def _heard(output: out.Output, event: MakeEvent) -> list[Event]:
    buffer, item = "input_audio_buffer", "conversation.item"
    match output:
        case out.SpeechStarted(item_id, start):
            return [event(f"{buffer}.speech_started", item_id=item_id, audio_start_ms=start)]
        case out.SpeechStopped(item_id, end):
            return [event(f"{buffer}.speech_stopped", item_id=item_id, audio_end_ms=end)]
        case out.AudioCommitted(item_id, previous):
            return [event(f"{buffer}.committed", item_id=item_id, previous_item_id=previous)]
        case out.AudioCleared():
            return [event(f"{buffer}.cleared")]
        case out.IdleTimeout(item_id, start, end):
            fields = {"item_id": item_id, "audio_start_ms": start, "audio_end_ms": end}
            return [event(f"{buffer}.timeout_triggered", **fields)]
        case out.ItemAdded(added, previous, done):
            fields = {"item": item_record(added), "previous_item_id": previous}
            return [event(f"{item}.{step}", **fields) for step in (("added", "done") if done else ("added",))]
        case out.ItemRetrieved(found):
            return [event(f"{item}.retrieved", item=item_record(found))]
        case out.ItemDeleted(item_id):
            return [event(f"{item}.deleted", item_id=item_id)]
        case out.ItemTruncated(item_id, index, end):
            return [event(f"{item}.truncated", item_id=item_id, content_index=index, audio_end_ms=end)]
        case _:
            raise TypeError(f"no wire event for {type(output).__name__}")


def _timed(word: SpokenWord, rate_hz: int) -> Event:
    """A spoken word in milliseconds of its item's audio."""
    return {"text": word.text.strip(), "start_ms": word.start * 1000 // rate_hz, "end_ms": word.end * 1000 // rate_hz}


def _transcript(
    output: out.TranscriptDelta | out.TranscriptCompleted | out.TranscriptFailed, event: MakeEvent
) -> list[Event]:
    kind = "conversation.item.input_audio_transcription"
    where = {"item_id": output.item_id, "content_index": 0}
    match output:
        case out.TranscriptDelta():
            return [event(f"{kind}.delta", **where, delta=output.delta)]
        case out.TranscriptCompleted():
            usage = {"type": "duration", "seconds": float(output.seconds)}
            extra = {} if output.empathy is None else {"empathy": dict(output.empathy)}
            return [event(f"{kind}.completed", **where, transcript=output.transcript, usage=usage, **extra)]
        case out.TranscriptFailed():
            error = {"type": "server_error", "code": "transcription_failed", "message": output.message}
            return [event(f"{kind}.failed", **where, error=error)]

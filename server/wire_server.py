"""Server events: from what a session says to the wire's events, in the order that clients rely on. Pure but for ids."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pipelines.duplex import outputs as out
from ..pipelines.duplex.items import Item
from .wire_errors import ProtocolError

Event = dict[str, Any]
EncodeAudio = Callable[[NDArray[np.int16], int], bytes]
"""Samples and their rate to bytes in the session's output format."""

BETA_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
BETA_DROPS = {"conversation.item.done"}


class Encoder:
    """One connection's server side. `session` gives the current session object, for responses and updates."""

    def __init__(
        self, session_id: str, encode_audio: EncodeAudio, *, beta: bool = False, voice: Callable[[], str]
    ) -> None:
        self._id = session_id
        self._encode_audio = encode_audio
        self._beta = beta
        self._voice = voice
        self._events = 0
        self._spoken: set[str] = set()

    def session(self, kind: str, session: Event) -> list[Event]:
        """`session.created` or `session.updated`."""
        return [self._event(kind, session=session)]

    def error(self, error: ProtocolError, kind: str = "invalid_request_error") -> list[Event]:
        detail: Event = {"type": kind, "code": error.code, "message": error.message}
        if error.param is not None:
            detail["param"] = error.param
        if error.event_id is not None:
            detail["event_id"] = error.event_id
        return [self._event("error", error=detail)]

    def encode(self, output: out.Output) -> list[Event]:
        """All events that an output stands for; `event_id` counts up without gaps within a session."""
        events = [event for event in self._encode(output) if not (self._beta and event["type"] in BETA_DROPS)]
        if self._beta:
            for event in events:
                event["type"] = BETA_NAMES.get(event["type"], event["type"])
        return events

    def _encode(self, output: out.Output) -> list[Event]:
        match output:
            case out.ResponseAudio():
                return self._audio(output)
            case out.ResponseText():
                spoken = output.response_id in self._spoken
                kind = "response.output_audio_transcript.delta" if spoken else "response.output_text.delta"
                return [self._part(kind, output, delta=output.text)]
            case out.ResponseStarted():
                return self._started(output)
            case out.ResponseEnded():
                return self._ended(output)
            case out.ItemAdded():
                return self._item_added(output)
            case out.Rejected():
                return self.error(ProtocolError(output.code, output.message, output.param, output.event_id))
            case out.Failure(code="input_audio_overflow"):
                return self.error(ProtocolError(output.code, output.message))
            case out.Failure():
                return [self._event("empathy.failure", code=output.code, message=output.message)]
            case out.Notice():
                return [self._event(f"empathy.{output.kind}", **output.fields)]
            case out.Backchannel():
                audio = base64.b64encode(self._encode_audio(output.samples, output.rate_hz)).decode()
                return [self._event("empathy.backchannel", text=output.text, audio=audio)]
            case _:
                return self._heard(output)

    def _heard(self, output: out.Output) -> list[Event]:
        buffer, item = "input_audio_buffer", "conversation.item"
        match output:
            case out.SpeechStarted(item_id, start):
                return [self._event(f"{buffer}.speech_started", item_id=item_id, audio_start_ms=start)]
            case out.SpeechStopped(item_id, end):
                return [self._event(f"{buffer}.speech_stopped", item_id=item_id, audio_end_ms=end)]
            case out.AudioCommitted(item_id, previous):
                return [self._event(f"{buffer}.committed", item_id=item_id, previous_item_id=previous)]
            case out.AudioCleared():
                return [self._event(f"{buffer}.cleared")]
            case out.IdleTimeout(item_id, start, end):
                fields = {"item_id": item_id, "audio_start_ms": start, "audio_end_ms": end}
                return [self._event(f"{buffer}.timeout_triggered", **fields)]
            case out.ItemRetrieved(found):
                return [self._event(f"{item}.retrieved", item=item_record(found))]
            case out.ItemDeleted(item_id):
                return [self._event(f"{item}.deleted", item_id=item_id)]
            case out.ItemTruncated(item_id, index, end):
                return [self._event(f"{item}.truncated", item_id=item_id, content_index=index, audio_end_ms=end)]
            case _:
                return self._transcript(output)

    def _transcript(self, output: out.Output) -> list[Event]:
        kind = "conversation.item.input_audio_transcription"
        match output:
            case out.TranscriptDelta(item_id, delta):
                return [self._event(f"{kind}.delta", item_id=item_id, content_index=0, delta=delta)]
            case out.TranscriptCompleted(item_id, transcript, seconds, empathy):
                fields = {"item_id": item_id, "content_index": 0, "transcript": transcript}
                usage = {"type": "duration", "seconds": seconds}
                extra = {"empathy": dict(empathy)} if empathy else {}
                return [self._event(f"{kind}.completed", **fields, usage=usage, **extra)]
            case out.TranscriptFailed(item_id, message):
                error = {"type": "server_error", "code": "transcription_failed", "message": message}
                return [self._event(f"{kind}.failed", item_id=item_id, content_index=0, error=error)]
            case _:
                raise TypeError(f"no wire event for {type(output).__name__}")

    def _item_added(self, output: out.ItemAdded) -> list[Event]:
        record, previous = item_record(output.item), output.previous_item_id
        events = [self._event("conversation.item.added", item=record, previous_item_id=previous)]
        if output.done:
            events.append(self._event("conversation.item.done", item=record, previous_item_id=previous))
        return events

    def _audio(self, output: out.ResponseAudio) -> list[Event]:
        data = self._encode_audio(output.samples, output.rate_hz)
        if not data:
            return []
        return [self._part("response.output_audio.delta", output, delta=base64.b64encode(data).decode())]

    def _started(self, output: out.ResponseStarted) -> list[Event]:
        if output.modality == "audio":
            self._spoken.add(output.response_id)
        item = Item(output.item_id, "assistant", "output_audio", None, "in_progress")
        record = {**item_record(item), "content": []}
        response = self._response(output.response_id, output.modality, "in_progress", dict(output.metadata))
        part = {"type": "audio", "transcript": ""} if output.modality == "audio" else {"type": "text", "text": ""}
        return [
            self._event("response.created", response=response),
            self._event("response.output_item.added", response_id=output.response_id, output_index=0, item=record),
            self._event("conversation.item.added", item=record, previous_item_id=output.previous_item_id),
            self._part("response.content_part.added", output, part=part),
        ]

    def _ended(self, output: out.ResponseEnded) -> list[Event]:
        spoken, text = output.modality == "audio", output.item.text or ""
        self._spoken.discard(output.response_id)
        record = item_record(output.item)
        response = self._response(output.response_id, output.modality, output.status, dict(output.metadata))
        response |= {"output": [record], "usage": _usage(output.usage), "status_details": _details(output)}
        part = {"type": "audio", "transcript": text} if spoken else {"type": "text", "text": text}
        ref = _Ref(output.response_id, output.item.id)
        events = []
        if spoken:
            events.append(self._part("response.output_audio.done", ref))
            events.append(self._part("response.output_audio_transcript.done", ref, transcript=text))
        else:
            events.append(self._part("response.output_text.done", ref, text=text))
        extra = {"empathy": dict(output.empathy)} if output.empathy else {}
        return [
            *events,
            self._part("response.content_part.done", ref, part=part),
            self._event("conversation.item.done", item=record),
            self._event("response.output_item.done", response_id=output.response_id, output_index=0, item=record),
            self._event("response.done", response=response, **extra),
        ]

    def _response(self, response_id: str, modality: str, status: str, metadata: Mapping[str, str]) -> Event:
        response: Event = {
            "object": "realtime.response",
            "id": response_id,
            "status": status,
            "status_details": None,
            "output": [],
            "conversation_id": f"conv_{self._id}",
            "output_modalities": [modality],
            "usage": None,
        }
        if modality == "audio":
            response["audio"] = {"output": {"voice": self._voice()}}
        if metadata:
            response["metadata"] = dict(metadata)
        return response

    def _part(self, kind: str, ref: Any, **fields: Any) -> Event:
        where = {"response_id": ref.response_id, "item_id": ref.item_id, "output_index": 0, "content_index": 0}
        return self._event(kind, **where, **fields)

    def _event(self, kind: str, **fields: Any) -> Event:
        self._events += 1
        return {"type": kind, "event_id": f"event_{self._id}_{self._events}", **fields}


class _Ref:
    def __init__(self, response_id: str, item_id: str) -> None:
        self.response_id, self.item_id = response_id, item_id


def item_record(item: Item) -> Event:
    """An item on the wire; `input_audio` always has its `transcript`, null while unknown."""
    if item.kind in ("input_audio", "output_audio"):
        part: Event = {"type": item.kind, "transcript": item.text}
        if item.kind == "output_audio":
            part["transcript"] = item.text or ""
    else:
        part = {"type": item.kind, "text": item.text or ""}
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "status": item.status,
        "role": item.role,
        "content": [part],
    }


def _usage(usage: out.Usage | None) -> Event:
    used = usage or out.Usage()
    return {
        "total_tokens": used.input_tokens + used.output_tokens,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "input_token_details": {"text_tokens": used.input_tokens, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": used.output_tokens, "audio_tokens": 0},
    }


def _details(output: out.ResponseEnded) -> Event | None:
    if output.status == "completed":
        return None
    details: Event = {"type": output.status}
    if output.reason is not None:
        details["reason"] = output.reason
    if output.error is not None:
        details["error"] = {"type": "server_error", "code": "reply_failed"}
    return details

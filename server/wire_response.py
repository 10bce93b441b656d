"""A response on the wire, from `response.created` to `response.done`. Pure.

    response.created, output_item.added, conversation.item.added, content_part.added,
    transcript and audio deltas, interleaved,
    output_audio.done, output_audio_transcript.done, content_part.done,
    conversation.item.done, output_item.done, response.done

For text it is output_text instead of audio and transcript. The format of the audio is the session's
when the response began; a later `session.update` is for the next one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..pipelines.duplex import outputs as out
from ..pipelines.duplex.items import Item
from .audio import AudioOutput
from .wire_items import item_record
from .wire_session import WireSession

Event = dict[str, Any]
DELTAS_A_SECOND = 10
"""Audio goes out in deltas of 100 ms: far below any client's frame limit."""


class MakeEvent(Protocol):
    def __call__(self, kind: str, **fields: Any) -> Event: ...


@dataclass(slots=True)
class _Open:
    """A response that has begun."""

    started: out.ResponseStarted
    codec: AudioOutput
    format: Event
    voice: str
    limit: int | str
    wordless: bool = True

    @property
    def spoken(self) -> bool:
        return self.started.modality == "audio"

    @property
    def place(self) -> Event:
        """Where its one content part stands."""
        started = self.started
        ids = {"response_id": started.response_id, "item_id": started.item_id}
        return {**ids, "output_index": 0, "content_index": 0}


class Responses:
    """Encodes responses; what belongs to one that is not open (any more) is dropped."""

    def __init__(self, session: WireSession, event: MakeEvent) -> None:
        self._session = session
        self._event = event
        self._open: dict[str, _Open] = {}

    @property
    def open(self) -> bool:
        """Whether any has begun and not ended."""
        return bool(self._open)

    def encode(
        self, output: out.ResponseStarted | out.ResponseText | out.ResponseAudio | out.ResponseEnded
    ) -> list[Event]:
        if isinstance(output, out.ResponseStarted):
            return self._start(output)
        response = self._open.get(output.response_id)
        match output:
            case _ if response is None:
                return []
            case out.ResponseText():
                return [self._words(response, output.text)]
            case out.ResponseAudio():
                self._session.voice_is_fixed = True
                return self._sound(response, response.codec.encode(output.samples, output.rate_hz))
            case out.ResponseEnded():
                return self._end(self._open.pop(output.response_id), output)

    def _start(self, started: out.ResponseStarted) -> list[Event]:
        model, event = self._session.model, self._event
        sound = model.audio.output
        response = _Open(
            started,
            AudioOutput(sound.format.type),
            sound.format.model_dump(),
            sound.voice,
            model.max_output_tokens,
        )
        self._open[started.response_id] = response
        blank = {**item_record(Item(started.item_id, "assistant", "output_text", "", "in_progress")), "content": []}
        events = [
            event("response.created", response=self._record(response)),
            event("response.output_item.added", response_id=started.response_id, output_index=0, item=blank),
        ]
        if started.conversation:
            previous = started.previous_item_id
            events.append(event("conversation.item.added", item=blank, previous_item_id=previous))
        events.append(event("response.content_part.added", **response.place, part=_part(response, "")))
        return events

    def _words(self, response: _Open, text: str) -> Event:
        """Deltas put together are the final text: phrases with one space between them."""
        delta = text.strip() if response.wordless else f" {text.strip()}"
        response.wordless = False
        kind = "response.output_audio_transcript.delta" if response.spoken else "response.output_text.delta"
        return self._event(kind, **response.place, delta=delta)

    def _sound(self, response: _Open, data: bytes) -> list[Event]:
        kind = "response.output_audio.delta"
        return audio_events(kind, response.place, data, response.codec.bytes_per_s, self._event)

    def _end(self, response: _Open, ended: out.ResponseEnded) -> list[Event]:
        event, text, started = self._event, ended.item.text or "", response.started
        events: list[Event] = []
        if response.spoken:
            if ended.status == "completed":
                events += self._sound(response, response.codec.flush())
            events.append(event("response.output_audio.done", **response.place))
            events.append(event("response.output_audio_transcript.done", **response.place, transcript=text))
        else:
            events.append(event("response.output_text.done", **response.place, text=text))
        events.append(event("response.content_part.done", **response.place, part=_part(response, text)))
        record = item_record(ended.item)
        if started.conversation:
            previous = started.previous_item_id
            events.append(event("conversation.item.done", item=record, previous_item_id=previous))
        events.append(event("response.output_item.done", response_id=started.response_id, output_index=0, item=record))
        extra = {} if ended.empathy is None else {"empathy": dict(ended.empathy)}
        return [*events, event("response.done", response=self._record(response, ended), **extra)]

    def _record(self, response: _Open, ended: out.ResponseEnded | None = None) -> Event:
        started = response.started
        record: Event = {
            "object": "realtime.response",
            "id": started.response_id,
            "status": ended.status if ended else "in_progress",
            "status_details": _details(ended) if ended else None,
            "output": [item_record(ended.item)] if ended else [],
            "conversation_id": f"conv_{self._session.id}" if started.conversation else None,
            "output_modalities": [started.modality],
            "max_output_tokens": response.limit,
            "usage": _usage(ended.usage) if ended and ended.usage else None,
        }
        if response.spoken:
            record["audio"] = {"output": {"format": response.format, "voice": response.voice}}
        if started.metadata:
            record["metadata"] = dict(started.metadata)
        return record


def audio_events(kind: str, fields: Mapping[str, Any], data: bytes, bytes_per_s: int, event: MakeEvent) -> list[Event]:
    """Audio as events of 100 ms each."""
    step = bytes_per_s // DELTAS_A_SECOND
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    return [event(kind, **fields, delta=base64.b64encode(piece).decode()) for piece in pieces]


def _part(response: _Open, text: str) -> Event:
    return {"type": "audio", "transcript": text} if response.spoken else {"type": "text", "text": text}


def _usage(usage: out.Usage) -> Event:
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_token_details": {"text_tokens": usage.input_tokens, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": usage.output_tokens, "audio_tokens": 0},
    }


def _details(ended: out.ResponseEnded) -> Event | None:
    if ended.status == "completed":
        return None
    details: Event = {"type": ended.status}
    if ended.reason is not None:
        details["reason"] = ended.reason
    if ended.status == "failed":
        message = ended.error or "The reply could not be made."
        details["error"] = {"type": "server_error", "code": "reply_failed", "message": message}
    return details

"""The story of a session, turn by turn, from what its conversation took and decided: for the trace view. Pure.

A turn is what the user said until we answer, and that answer with all that befell it. Times are milliseconds of the
session's clock. It holds what was said, so it is only kept of sessions that ask for it; audio is never in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from . import outputs as out
from .actions import Action, BeginReply, CancelReply, Duck, Hold, ReleaseReply, Resume, Send
from .endpointing import milliseconds
from .events import (
    Appraised,
    CuesRead,
    Degraded,
    Event,
    HearingFailed,
    OverlapMeasured,
    PauseJudged,
    Played,
    Recognized,
    Recollected,
    Voiced,
    VoiceStarted,
    VoiceStopped,
    Worded,
)

MOST_TURNS = 100
MOST_MARKS = 120
"""Of one turn; a long monologue has a few a second."""
HeardText = Callable[[str], str | None]
"""What of one of our items the user heard, by its id."""


@dataclass(slots=True)
class Mark:
    """Something that happened, at a time, with what is to be known of it."""

    at_ms: int
    what: str
    fields: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return {"at_ms": self.at_ms, "what": self.what, **self.fields}


@dataclass(slots=True)
class TurnStory:
    """One turn; `replies` are the numbers of the replies that were begun for it, as long as they may still tell."""

    number: int
    began_ms: int
    said: list[dict[str, Any]] = field(default_factory=list)
    response: dict[str, Any] | None = None
    marks: deque[Mark] = field(default_factory=lambda: deque(maxlen=MOST_MARKS))
    overlaps: list[dict[str, Any]] = field(default_factory=list)
    speculations: list[dict[str, Any]] = field(default_factory=list)

    def record(self, heard: HeardText) -> dict[str, Any]:
        response = self.response
        if response is not None and response.get("item_id"):
            response = {**response, "heard": heard(response["item_id"])}
        return {
            "turn": self.number,
            "began_ms": self.began_ms,
            "user": self.said,
            "response": response,
            "speculations": self.speculations,
            "overlaps": self.overlaps,
            "timeline": [mark.record() for mark in self.marks],
        }


class Chronicle:
    """`step` takes what a session's observer is told; `turns` gives the story so far."""

    def __init__(self) -> None:
        self._numbers = 0
        self._stories: deque[TurnStory] = deque(maxlen=MOST_TURNS)
        self._by_reply: dict[int, TurnStory] = {}
        self._rates: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._stories)

    def turns(self, heard: HeardText) -> list[dict[str, Any]]:
        """Plain JSON values, oldest first."""
        return [story.record(heard) for story in self._stories]

    def step(self, event: Event, actions: Iterable[Action]) -> None:
        at_ms = milliseconds(event.at)
        self._on_event(event, at_ms)
        for action in actions:
            self._on_action(action, at_ms)

    # -- what happened -----------------------------------------------------------------------------

    def _on_event(self, event: Event, at_ms: int) -> None:
        match event:
            case VoiceStarted():
                self._mark(at_ms, "voice_started", onset_ms=milliseconds(event.onset))
            case VoiceStopped():
                self._mark(at_ms, "voice_stopped", offset_ms=milliseconds(event.offset))
            case PauseJudged():
                self._mark(at_ms, "pause_judged", completion=round(event.completion, 3))
            case Recognized():
                kind = "recognized" if event.transcript.final else "recognized_partly"
                self._mark(at_ms, kind, text=event.transcript.text)
            case CuesRead():
                self._mark(at_ms, "cues_read")
            case HearingFailed():
                self._mark(at_ms, "hearing_failed", stage=event.stage, message=event.message)
            case OverlapMeasured():
                self._measured(event, at_ms)
            case Appraised() | Recollected() | Worded() | Degraded() | Voiced() | Played():
                self._of_reply(event, at_ms)

    def _of_reply(self, event: Appraised | Recollected | Worded | Degraded | Voiced | Played, at_ms: int) -> None:
        story = self._by_reply.get(event.reply)
        if story is None:
            return
        match event:
            case Appraised():
                story.marks.append(Mark(at_ms, "appraised", {"reply": event.reply}))
            case Recollected():
                story.marks.append(Mark(at_ms, "recalled", {"reply": event.reply, "facts": list(event.facts)}))
            case Worded():
                story.marks.append(Mark(at_ms, "worded", {"reply": event.reply, "text": event.text}))
            case Degraded():
                fields = {"reply": event.reply, "stage": event.stage, "message": event.message}
                story.marks.append(Mark(at_ms, "degraded", fields))
            case Voiced():
                self._rates[event.reply] = event.rate_hz
                if event.starts_phrase:
                    story.marks.append(Mark(at_ms, "voiced", {"reply": event.reply}))
            case Played():
                if story.response is not None:
                    story.response["played_ms"] = event.samples * 1000 // self._rates.get(event.reply, 24_000)

    def _measured(self, event: OverlapMeasured, at_ms: int) -> None:
        story = self._current
        if story is None:
            return
        found = next((overlap for overlap in story.overlaps if overlap["overlap"] == event.overlap), None)
        if found is None:
            found = {"overlap": event.overlap, "looks": []}
            story.overlaps.append(found)
        found["looks"].append({"at_ms": at_ms, "text": event.text, "echo": round(event.echo, 3)})

    # -- what was decided --------------------------------------------------------------------------

    def _on_action(self, action: Action, at_ms: int) -> None:
        match action:
            case Duck():
                self._mark(at_ms, "ducked")
            case Hold():
                self._mark(at_ms, "held")
            case Resume():
                self._mark(at_ms, "resumed")
            case BeginReply():
                self._begun(action.reply, at_ms)
            case ReleaseReply():
                self._judge_speculation(action.reply, "used", at_ms)
            case CancelReply():
                self._judge_speculation(action.reply, "dropped", at_ms)
            case Send():
                self._on_output(action.output, at_ms)

    def _begun(self, reply: int, at_ms: int) -> None:
        story = self._current or self._open(at_ms)
        self._by_reply[reply] = story
        for old in list(self._by_reply)[:-8]:
            del self._by_reply[old]
            self._rates.pop(old, None)
        story.marks.append(Mark(at_ms, "reply_begun", {"reply": reply}))
        if story.response is None:
            story.speculations.append({"reply": reply, "began_ms": at_ms, "outcome": None})

    def _judge_speculation(self, reply: int, outcome: str, at_ms: int) -> None:
        story = self._by_reply.get(reply)
        for speculation in story.speculations if story is not None else ():
            if speculation["reply"] == reply and speculation["outcome"] is None:
                speculation.update(outcome=outcome, ended_ms=at_ms)

    def _on_output(self, output: out.Output, at_ms: int) -> None:
        match output:
            case out.SpeechStarted():
                self._begin_saying(at_ms, output.item_id, "spoken", began_ms=output.audio_start_ms)
            case out.SpeechStopped():
                self._said(output.item_id, ended_ms=output.audio_end_ms)
            case out.AudioCommitted():
                if self._saying(output.item_id) is None:
                    self._begin_saying(at_ms, output.item_id, "spoken")
                self._said(output.item_id, committed_ms=at_ms)
            case out.ItemAdded(item=item) if item.role == "user" and item.kind == "input_text":
                self._begin_saying(at_ms, item.id, "typed", text=item.text, committed_ms=at_ms)
            case out.TranscriptCompleted():
                self._said(output.item_id, text=output.transcript, transcribed_ms=at_ms, **(output.empathy or {}))
            case out.TranscriptFailed():
                self._said(output.item_id, failed=output.message)
            case out.ResponseStarted():
                self._answered(output, at_ms)
            case out.ResponseEnded():
                self._ended(output, at_ms)
            case out.ItemTruncated():
                self._mark(at_ms, "truncated", item_id=output.item_id, audio_end_ms=output.audio_end_ms)
            case out.Backchannel():
                self._mark(at_ms, "backchannel", text=output.text)

    def _answered(self, started: out.ResponseStarted, at_ms: int) -> None:
        story = self._current
        if story is None or story.response is not None:
            story = self._open(at_ms)
        story.response = {"id": started.response_id, "item_id": started.item_id, "began_ms": at_ms}

    def _ended(self, ended: out.ResponseEnded, at_ms: int) -> None:
        found = (s for s in reversed(self._stories) if s.response and s.response["id"] == ended.response_id)
        story = next(found, None)
        if story is None or story.response is None:
            return
        story.response |= {
            "ended_ms": at_ms,
            "status": ended.status,
            "reason": ended.reason,
            "error": ended.error,
            "modality": ended.modality,
            "text": ended.item.text,
            "usage": asdict(ended.usage) if ended.usage else None,
            **(ended.empathy or {}),
        }

    # -- stories -----------------------------------------------------------------------------------

    @property
    def _current(self) -> TurnStory | None:
        return self._stories[-1] if self._stories else None

    def _open(self, at_ms: int) -> TurnStory:
        self._numbers += 1
        story = TurnStory(self._numbers, at_ms)
        self._stories.append(story)
        return story

    def _mark(self, at_ms: int, what: str, **fields: Any) -> None:
        if (story := self._current) is not None:
            story.marks.append(Mark(at_ms, what, fields))

    def _begin_saying(self, at_ms: int, item_id: str, how: str, **fields: Any) -> None:
        story = self._current
        if story is None or story.response is not None:
            story = self._open(at_ms)
        story.said.append({"item_id": item_id, "how": how, **fields})

    def _saying(self, item_id: str) -> dict[str, Any] | None:
        for story in reversed(self._stories):
            for said in story.said:
                if said["item_id"] == item_id:
                    return said
        return None

    def _said(self, item_id: str, **fields: Any) -> None:
        if (said := self._saying(item_id)) is not None:
            said.update(fields)

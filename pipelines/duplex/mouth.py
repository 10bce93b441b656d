"""What we say on its way out: a pacer a reply, who hears how much of it, and our own voice to know echoes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Appraisal, Samples, Speech
from .echo import FarEnd
from .events import Appraised, Degraded, Drained, Event, Played, Recollected, ReplyFinished, Voiced, Worded
from .outputs import Output, ResponseAudio, ResponseText, ResponseWords, StatusReason, Usage
from .pacing import AudioPiece, Pacer, Piece, TextPiece

Now = Callable[[], int]
Post = Callable[[Event], None]
Send = Callable[[Output], None]

REPORT_STEP_S = 0.02
"""Playback is reported to the conversation when it has moved by this much."""


@dataclass(slots=True)
class Outlet:
    """One reply's pacer and where it goes."""

    pacer: Pacer
    response_id: str = ""
    item_id: str = ""
    drained: bool = False
    reported: int = 0


class Sink:
    """What a reply in the making tells; stale ones talk to the wind."""

    def __init__(self, mouth: Mouth, reply: int) -> None:
        self._mouth = mouth
        self._reply = reply

    def appraised(self, appraisal: Appraisal) -> None:
        self._mouth.post(Appraised(self._mouth.now(), self._reply, appraisal))

    def recalled(self, facts: tuple[str, ...]) -> None:
        self._mouth.post(Recollected(self._mouth.now(), self._reply, facts))

    def phrase(self, text: str) -> None:
        """A phrase comes next; its speech, if any, follows."""
        if pacer := self._mouth.pacer(self._reply):
            pacer.add_text(text)
            self._mouth.post(Worded(self._mouth.now(), self._reply, text))

    def speech(self, speech: Speech, *, starts_phrase: bool) -> None:
        if pacer := self._mouth.pacer(self._reply):
            pacer.add_words(speech.words, starts_phrase=starts_phrase)
            pacer.add_audio(speech.samples, speech.rate_hz)
            self._mouth.post(
                Voiced(self._mouth.now(), self._reply, len(speech.samples), speech.rate_hz, speech.words, starts_phrase)
            )

    def degraded(self, stage: str, message: str) -> None:
        self._mouth.post(Degraded(self._mouth.now(), self._reply, stage, message))

    def finished(self, usage: Usage, reason: StatusReason | None = None, error: str | None = None) -> None:
        if pacer := self._mouth.pacer(self._reply):
            self._mouth.post(ReplyFinished(self._mouth.now(), self._reply, usage, reason, error))
            pacer.finish()


class Mouth:
    """All replies that are being made, sent, or still played."""

    def __init__(self, post: Post, send: Send, now: Now, lead_s: float) -> None:
        self.post = post
        self.now = now
        self._send = send
        self._lead_s = lead_s
        self._outlets: dict[int, Outlet] = {}
        self._far_end = FarEnd()

    def begin(self, reply: int) -> None:
        self._outlets[reply] = Outlet(Pacer(lead_s=self._lead_s))
        for old in list(self._outlets)[:-4]:
            del self._outlets[old]

    def sink(self, reply: int) -> Sink:
        return Sink(self, reply)

    def pacer(self, reply: int) -> Pacer | None:
        outlet = self._outlets.get(reply)
        return outlet.pacer if outlet else None

    def release(self, reply: int, response_id: str, item_id: str) -> None:
        if outlet := self._outlets.get(reply):
            outlet.response_id, outlet.item_id = response_id, item_id
            outlet.pacer.release()

    def flush(self, reply: int) -> None:
        """Drop the reply: nothing more of it leaves."""
        self._outlets.pop(reply, None)

    def duck(self) -> None:
        for outlet in self._outlets.values():
            outlet.pacer.duck()

    def hold(self, wall: float, *, client_holds: bool) -> None:
        for outlet in self._outlets.values():
            outlet.pacer.hold(wall, client_holds=client_holds)

    def resume(self, wall: float) -> None:
        for outlet in self._outlets.values():
            outlet.pacer.resume(wall)

    def pump(self, wall: float) -> None:
        """Send what is due."""
        for reply, outlet in list(self._outlets.items()):
            for piece in outlet.pacer.due(wall):
                self._leave(outlet, piece, wall)
            if outlet.pacer.drained() and not outlet.drained:
                outlet.drained = True
                left_s = outlet.pacer.playback_ends(wall) - wall
                self.post(Drained(self.now(), reply, self.now() + round(left_s * HEARING_RATE_HZ)))

    def next_due(self) -> float | None:
        times = [outlet.pacer.next_due() for outlet in self._outlets.values()]
        return min((when for when in times if when is not None), default=None)

    def played(self, now: int, wall: float) -> list[Played]:
        """How far playback has come, for replies where it moved."""
        moved = []
        for reply, outlet in self._outlets.items():
            played = outlet.pacer.played(wall)
            if played - outlet.reported >= REPORT_STEP_S * outlet.pacer.rate_hz:
                outlet.reported = played
                moved.append(Played(now, reply, played))
        return moved

    def report(self, item_id: str, played_ms: int, wall: float) -> None:
        """A client tells how much of an item it has played."""
        for outlet in self._outlets.values():
            if outlet.item_id == item_id:
                outlet.pacer.report(played_ms, wall)

    def missed(self, item_id: str, missed_ms: int, wall: float) -> None:
        """So much of what was sent of an item has not arrived, and is played from now on."""
        for outlet in self._outlets.values():
            if outlet.item_id == item_id and outlet.pacer.sent:
                outlet.pacer.report(outlet.pacer.sent * 1000 // outlet.pacer.rate_hz - missed_ms, wall)
                outlet.reported = outlet.pacer.played(wall)

    def note(self, samples: NDArray[np.int16], rate_hz: int, wall: float) -> None:
        """Something else of ours is played from now on: it may come back as an echo, too."""
        self._far_end.add(samples, rate_hz, wall)

    def echo(self, audio: Samples, wall: float) -> float:
        """How much what was heard up to now resembles what we were playing, 0..1."""
        return self._far_end.likeness(audio, wall)

    def _leave(self, outlet: Outlet, piece: Piece, wall: float) -> None:
        if isinstance(piece, AudioPiece):
            self._far_end.add(piece.samples, piece.rate_hz, outlet.pacer.leaves_at)
            self._send(ResponseAudio(outlet.response_id, outlet.item_id, piece.samples, piece.rate_hz))
        elif isinstance(piece, TextPiece):
            self._send(ResponseText(outlet.response_id, outlet.item_id, piece.text))
        else:
            self._send(ResponseWords(outlet.response_id, outlet.item_id, piece.words, outlet.pacer.rate_hz))

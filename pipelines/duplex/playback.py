"""Region Playback: at most one reply is in the air, and of each one only what was heard of it was said."""

from __future__ import annotations

from .context import Context
from .events import Played, TimerKind
from .outputs import ItemTruncated
from .reply import Reply

REMEMBERED = 64
"""Replies, latest first, that a client may still tell about what was heard of them."""


class Playback:
    """`audible` may still be coming out of the client's speaker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._spoken: dict[str, Reply] = {}
        self.audible: Reply | None = None

    def begin(self, reply: Reply) -> None:
        """Its first sound may leave."""
        self._spoken[reply.item_id] = reply
        for old in list(self._spoken)[:-REMEMBERED]:
            del self._spoken[old]
        self.audible = reply

    def drain(self, reply: Reply, ends: int) -> None:
        """All of it was sent; the last of it is heard at `ends`, a sample of the session clock."""
        reply.whole = True
        if reply.ledger.samples:
            self._context.start(TimerKind.PLAYBACK, 0, since=ends)
        else:
            self.audible = None

    def on_played(self, event: Played) -> None:
        if self.audible is not None and self.audible.number == event.reply:
            self.audible.played = event.samples

    def on_over(self) -> None:
        if self.audible is not None and self.audible.ended:
            self.audible.played = self.audible.ledger.samples
            self.audible = None

    def miss(self, item_id: str, missed_ms: int) -> None:
        """Audio that we took for played is only now arriving: it can still be interrupted."""
        reply = self._spoken.get(item_id)
        if reply is None or not reply.whole or self.audible not in (None, reply):
            return
        missed = min(reply.ledger.samples, missed_ms * reply.ledger.rate_hz // 1000)
        reply.played = reply.ledger.samples - missed
        self.audible = reply
        self._context.start(TimerKind.PLAYBACK, missed_ms)

    def interrupt(self) -> None:
        """The rest of it will not be heard."""
        reply, self.audible = self.audible, None
        if reply is not None:
            reply.whole = False
            if reply.ended and reply.options.conversation and self._context.history.has(reply.item_id):
                self._context.history.update(reply.item_id, text=reply.heard, status="incomplete")
        self._context.stop(TimerKind.PLAYBACK)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> bool:
        """The client says where it stopped playing; past the end is clamped. False: not one of our items."""
        history, reply = self._context.history, self._spoken.get(item_id)
        if not history.has(item_id):
            return False
        if reply is None:  # said by another server, which knew when its words were
            ours = history.get(item_id).item.kind == "output_audio"
            if ours:
                self._context.send(ItemTruncated(item_id, content_index, audio_end_ms))
            return ours
        reply.played = min(reply.ledger.samples, audio_end_ms * reply.ledger.rate_hz // 1000)
        self._context.send(ItemTruncated(item_id, content_index, reply.played * 1000 // max(1, reply.ledger.rate_hz)))
        history.update(item_id, text=reply.heard)
        return True

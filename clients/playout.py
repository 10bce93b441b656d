"""What comes out of a client's loudspeaker: filled by events, emptied block by block at the sound card's pace. Pure.

Two kinds of clients: one that follows our own events (`empathy.duck`, `hold`, `resume`, `backchannel`), and a plain
one, which only knows that the user's speech stops ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..server.protocol import PCM_RATE_HZ, pcm_of
from .turn import Pcm

DUCK_GAIN = 0.126
"""-18 dB: plainly lower, still there."""
RAMP_SAMPLES = PCM_RATE_HZ // 50
"""Length of a gain ramp, 20 ms: feels instant and does not click."""


class Playout:
    """`take` events, `fill` blocks. `jitter_ms` of an answer must be there before it begins to sound."""

    def __init__(self, *, follows: bool = True, jitter_ms: int = 0) -> None:
        self._follows = follows
        self._jitter = jitter_ms * PCM_RATE_HZ // 1000
        self._queue: deque[tuple[str, Pcm]] = deque()
        self._waiting = 0
        self._whole = True
        self._murmurs: deque[Pcm] = deque()
        self._gain = self._target = 1.0
        self._held = False
        self._running = False
        self.item_id = ""
        """The answer that sounds, or sounded last."""
        self.played = 0
        """Samples of it that came out."""
        self.flushed = 0
        """Samples of it that were thrown away, as the user spoke over it."""

    @property
    def waiting(self) -> int:
        """Samples that are still to be played."""
        return self._waiting

    @property
    def played_ms(self) -> int:
        return self.played * 1000 // PCM_RATE_HZ

    def take(self, event: Mapping[str, Any]) -> None:
        """Follow an event of the server; those that are not about sound change nothing."""
        match event["type"]:
            case "response.output_audio.delta":
                self._add(event["item_id"], pcm_of(event["delta"]))
            case "response.output_audio.done":
                self._whole = True
            case "input_audio_buffer.speech_started":
                self.flush()
            case "response.done" if event["response"]["status"] == "cancelled":
                self.flush()
            case "empathy.duck" if self._follows:
                self._target = DUCK_GAIN
            case "empathy.hold" if self._follows:
                self._held = True
            case "empathy.resume" if self._follows:
                self._held, self._target = False, 1.0
            case "empathy.backchannel" if self._follows:
                self._murmurs.append(pcm_of(event["delta"]))

    def flush(self) -> None:
        """Throw away what was not played."""
        if self._queue:
            self.flushed += self._waiting
        self._queue.clear()
        self._murmurs.clear()
        self._waiting, self._whole, self._running = 0, True, False
        self._held, self._gain, self._target = False, 1.0, 1.0

    def fill(self, count: int) -> Pcm:
        """The next `count` samples to play: silence where there are none."""
        block = np.zeros(count, np.int16)
        at = 0
        while at < count and self._may_play():
            item_id, pcm = self._queue.popleft()
            used = pcm[: count - at]
            if len(used) < len(pcm):
                self._queue.appendleft((item_id, pcm[len(used) :]))
            block[at : at + len(used)] = used
            self._note(item_id, len(used))
            at += len(used)
        self._running = self._running and bool(self._queue)
        return self._mix(self._apply_gain(block))

    def _add(self, item_id: str, pcm: Pcm) -> None:
        self._queue.append((item_id, pcm))
        self._waiting += len(pcm)
        self._whole = False

    def _may_play(self) -> bool:
        if not self._queue or self._held:
            return False
        self._running = self._running or self._whole or self._waiting >= self._jitter
        return self._running

    def _note(self, item_id: str, samples: int) -> None:
        if item_id != self.item_id:
            self.item_id, self.played, self.flushed = item_id, 0, 0
        self.played += samples
        self._waiting -= samples

    def _apply_gain(self, block: Pcm) -> Pcm:
        if self._gain == self._target == 1.0:
            return block
        gain = np.full(len(block), self._target, np.float32)
        ramp = min(len(block), RAMP_SAMPLES)
        gain[:ramp] = np.linspace(self._gain, self._target, ramp, dtype=np.float32)
        self._gain = self._target
        return (block * gain).astype(np.int16)

    def _mix(self, block: Pcm) -> Pcm:
        """Small sounds of listening go on top."""
        at = 0
        while at < len(block) and self._murmurs:
            pcm = self._murmurs.popleft()
            used = pcm[: len(block) - at]
            if len(used) < len(pcm):
                self._murmurs.appendleft(pcm[len(used) :])
            mixed = block[at : at + len(used)].astype(np.int32) + used
            block[at : at + len(used)] = np.clip(mixed, -32768, 32767)
            at += len(used)
        return block

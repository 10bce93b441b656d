"""Sends a reply's audio a little ahead of real time, knows how much of it was played, and turns it down. Pure.

Wall time comes in as seconds from the caller's clock; nothing here sleeps. The client is taken to play
from the first piece it gets, without gaps; its own reports, where it sends them, override that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...models.base import SpokenWord

Pcm = NDArray[np.int16]

DUCK_GAIN = 0.126
"""-18 dB: plainly lower, still there."""
RAMP_S = 0.02
"""Length of a ramp between silence and full voice: short enough to feel instant, long enough not to click."""
CHUNK_S = 0.1


@dataclass(frozen=True, slots=True)
class TextPiece:
    text: str


@dataclass(frozen=True, slots=True)
class AudioPiece:
    samples: Pcm
    rate_hz: int


@dataclass(frozen=True, slots=True)
class WordsPiece:
    """Words of the audio that comes next; `start` and `end` in samples of the reply's audio."""

    words: tuple[SpokenWord, ...]


Piece = TextPiece | AudioPiece | WordsPiece


class Pacer:
    """One reply's way to the client: `add_*` while it is made, `due` when it may leave."""

    def __init__(self, *, lead_s: float = 0.2) -> None:
        self._lead_s = lead_s
        self._queue: deque[Piece] = deque()
        self._added = self._phrase_at = 0
        self._rate_hz = 24_000
        self._released = False
        self._finished = False
        self._held_at: float | None = None
        self._stopped_at = 0.0
        self._gain = self._target = 1.0
        self._clock_start: float | None = None
        self._sent = 0
        self._report: tuple[int, float] | None = None
        self._leaves_at = 0.0

    @property
    def sent(self) -> int:
        """Samples that have left."""
        return self._sent

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def leaves_at(self) -> float:
        """When the client plays the first sample of the piece that left last."""
        return self._leaves_at

    def add_text(self, text: str) -> None:
        self._queue.append(TextPiece(text))

    def add_words(self, words: tuple[SpokenWord, ...], *, starts_phrase: bool) -> None:
        """Words of the audio added next, timed from their phrase's start."""
        if starts_phrase:
            self._phrase_at = self._added
        if words:
            at = self._phrase_at
            self._queue.append(WordsPiece(tuple(replace(w, start=at + w.start, end=at + w.end) for w in words)))

    def add_audio(self, samples: Pcm, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._added += len(samples)
        step = max(1, int(rate_hz * CHUNK_S))
        for at in range(0, len(samples), step):
            self._queue.append(AudioPiece(samples[at : at + step], rate_hz))

    def release(self) -> None:
        self._released = True

    def finish(self) -> None:
        """No more will be added."""
        self._finished = True

    def duck(self) -> None:
        self._target = DUCK_GAIN

    def hold(self, now: float, *, client_holds: bool = False) -> None:
        """Send nothing more until `resume`; what has left is played out, unless the client stops as well."""
        if self._held_at is None:
            self._held_at = now
            self._stopped_at = now if client_holds else self._end(now)

    def resume(self, now: float) -> None:
        """Go on at full voice from the same sample; the time in which nothing was played does not count."""
        self._target = 1.0
        if self._held_at is None:
            return
        self._gain = 0.0  # the voice comes out of silence
        silent = max(0.0, now - self._stopped_at)
        if self._clock_start is not None:
            self._clock_start += silent
        if self._report is not None:
            self._report = (self._report[0], self._report[1] + silent)
        self._held_at = None

    def drained(self) -> bool:
        """Whether a finished reply has left whole."""
        return self._finished and self._released and not self._queue

    def due(self, now: float) -> list[Piece]:
        """Pieces that leave now, gain applied."""
        pieces: list[Piece] = []
        while self._queue and self._may_leave(now):
            piece = self._queue.popleft()
            if isinstance(piece, AudioPiece):
                piece = self._send(piece, now)
            pieces.append(piece)
        return pieces

    def next_due(self) -> float | None:
        """When `due` will next have something; `None` while nothing is queued, held or unreleased."""
        if not self._queue or not self._released or self._held_at is not None:
            return None
        if self._clock_start is None:
            return 0.0
        return self._clock_start + self._sent / self._rate_hz - self._lead_s

    def played(self, now: float) -> int:
        """Samples that have come out at the client."""
        if self._held_at is not None:
            now = min(now, self._stopped_at)
        if self._report is not None:
            position, when = self._report
            return min(self._sent, position + int((now - when) * self._rate_hz))
        if self._clock_start is None:
            return 0
        return max(0, min(self._sent, int((now - self._clock_start) * self._rate_hz)))

    def playback_ends(self, now: float) -> float:
        """When all that has left will have been played."""
        return now + (self._sent - self.played(now)) / self._rate_hz

    def report(self, played_ms: int, now: float) -> None:
        """The client has played this much."""
        if self._held_at is not None:
            now = min(now, self._stopped_at)
        self._report = (min(self._sent, max(0, played_ms) * self._rate_hz // 1000), now)

    def _end(self, now: float) -> float:
        """When the client will have played all that has left."""
        return now if self._clock_start is None else max(now, self._clock_start + self._sent / self._rate_hz)

    def _may_leave(self, now: float) -> bool:
        next_due = self.next_due()
        return next_due is not None and next_due <= now + 1e-6

    def _send(self, piece: AudioPiece, now: float) -> AudioPiece:
        ahead = self._clock_start is not None and self._clock_start + self._sent / self._rate_hz >= now
        if not ahead:  # first piece, or the reply was late: the client starts (again) from here
            self._clock_start = now - self._sent / self._rate_hz
        self._leaves_at = (self._clock_start or 0.0) + self._sent / self._rate_hz
        self._sent += len(piece.samples)
        return AudioPiece(self._apply_gain(piece.samples), piece.rate_hz)

    def _apply_gain(self, samples: Pcm) -> Pcm:
        if self._gain == self._target == 1.0:
            return samples
        steps = np.arange(1, len(samples) + 1, dtype=np.float32) / (RAMP_S * self._rate_hz)
        if self._target > self._gain:
            gain = np.minimum(self._gain + steps, self._target)
        else:
            gain = np.maximum(self._gain - steps, self._target)
        self._gain = float(gain[-1]) if len(gain) else self._gain
        return np.asarray(samples * gain, np.int16)

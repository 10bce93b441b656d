"""Audio of the microphone: it waits, is laid on the session's clock, and is watched for a voice, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES, VADStream
from .activity import VoiceActivity
from .buffer import AudioBuffer
from .clock import SessionClock, Stopwatch
from .config import ServerVad, SessionConfig
from .conversation import Conversation
from .events import VoiceStarted, VoiceStopped
from .turns import Phase

BACKLOG_SAMPLES = 30 * HEARING_RATE_HZ
"""Audio that may wait to be watched; the oldest beyond it is dropped and reported."""
FRAMES_A_STEP = 64
"""Frames taken before other sessions get their turn of the event loop."""
IDLE_KEEP_SAMPLES = 4 * HEARING_RATE_HZ

Edge = VoiceStarted | VoiceStopped


class Intake:
    """Times of audio are samples of the session's clock."""

    def __init__(self, conversation: Conversation, vad: VADStream, wall: Stopwatch) -> None:
        self._conversation, self._vad, self._wall = conversation, vad, wall
        self._activity = VoiceActivity(threshold=_threshold(conversation.config))
        self._backlog: deque[NDArray[np.int16]] = deque()
        self._waiting = 0
        self._watched_to = 0
        self.clock = SessionClock(wall.time())
        self.buffer = AudioBuffer()
        self.pushed = 0
        """Samples that have come."""
        self.missing = 0
        """Samples of the clock for which none came."""

    def push(self, samples: NDArray[np.int16]) -> int:
        """Take audio, 16 kHz mono, any length; gives how many of the oldest samples were dropped for it."""
        self._backlog.append(samples)
        self._waiting += len(samples)
        self.pushed += len(samples)
        dropped = 0
        while self._waiting > BACKLOG_SAMPLES and len(self._backlog) > 1:
            dropped += len(self._backlog[0])
            self._waiting -= len(self._backlog.popleft())
        return dropped

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that came and were not watched yet."""
        return self._waiting / HEARING_RATE_HZ

    @property
    def waits(self) -> bool:
        """Whether audio waits to be taken."""
        return bool(self._backlog)

    @property
    def active(self) -> bool:
        """Whether a voice is heard."""
        return self._activity.active

    def configure(self, config: SessionConfig) -> None:
        self._activity.threshold = _threshold(config)

    def reset(self) -> None:
        """Forget the voice: if it goes on, it starts anew."""
        self._activity.reset()

    def now(self) -> int:
        """The session clock; while received audio waits to be watched, not past it."""
        return self._watched_to if self._behind else self.clock.now(self._wall.time())

    def owes(self, pushed: int) -> bool:
        """Whether some of the first `pushed` samples, or a whole frame, are still to be watched."""
        return self.pushed - self._waiting < pushed or self._behind

    def take(self) -> Iterator[Edge | int]:
        """Store what came, and watch it for a voice; then mind a voice whose audio stopped coming. Gives where a voice
        begins and ends, and after each frame up to where it was watched."""
        while self._backlog and self.buffer.end - self._watched_to < FRAMES_A_STEP * VAD_FRAME_SAMPLES:
            yield from self._store(self._backlog.popleft())
        for _ in range(FRAMES_A_STEP):
            if not self._behind:
                break
            yield from self._watch_frame()
        yield from self._mind_stall()

    def stall_due(self) -> float | None:
        """When, by the wall, a voice whose audio stopped coming is next looked at."""
        if not self.active or not self.buffer.end:
            return None
        return self.clock.wall_at(max(self._watched_to, self.buffer.end) + 2 * VAD_FRAME_SAMPLES)

    def clear(self) -> None:
        """Keep no audio."""
        self.buffer.clear()
        self._backlog.clear()

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _behind(self) -> bool:
        return self.buffer.end - self._watched_to >= VAD_FRAME_SAMPLES

    def _store(self, samples: NDArray[np.int16]) -> Iterator[Edge]:
        self._waiting -= len(samples)
        start = self.clock.advance(len(samples), self._wall.time())
        if start > self.buffer.end:
            self.missing += start - self.buffer.end
            yield from self._silence(start)
        self.buffer.write(start, samples)

    def _watch_frame(self) -> Iterator[Edge | int]:
        frame = self.buffer.read(self._watched_to, self._watched_to + VAD_FRAME_SAMPLES)
        self._watched_to += VAD_FRAME_SAMPLES
        if self._conversation.config.turn_detection is not None:
            yield from self._step(self._vad.probability(frame))
        yield self._watched_to

    def _step(self, probability: float) -> Iterator[Edge]:
        edge = self._activity.step(probability, self._watched_to)
        if edge is not None:
            happened = VoiceStarted if edge.kind == "started" else VoiceStopped
            yield happened(self._watched_to, edge.sample)

    def _silence(self, until: int) -> Iterator[Edge]:
        """Audio stopped coming: what is missing is silence, and a voice in it has ended."""
        while self.active and self._watched_to + VAD_FRAME_SAMPLES <= until:
            self._watched_to += VAD_FRAME_SAMPLES
            yield from self._step(0.0)
        if not self.active:
            self._watched_to = max(self._watched_to, until)

    def _mind_stall(self) -> Iterator[Edge]:
        now = self.now()
        if self.active and now > self.buffer.end and not self._backlog:
            yield from self._silence(now)
        if self._idle and self.buffer.held > 2 * IDLE_KEEP_SAMPLES:
            self.buffer.forget(self.buffer.end - IDLE_KEEP_SAMPLES)

    @property
    def _idle(self) -> bool:
        """Whether nobody's words are being gathered."""
        conversation = self._conversation
        idle = conversation.turns.phase is Phase.IDLE and conversation.overlaps.current is None
        return idle and conversation.config.turn_detection is not None


def _threshold(config: SessionConfig) -> float:
    detection = config.turn_detection
    return detection.threshold if isinstance(detection, ServerVad) else 0.5

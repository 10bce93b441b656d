"""One session: the single writer of its conversation. Takes frames and commands, runs actions, feeds events back.

No policy here (conversation.py), no wire (server/realtime.py). Everything runs in `run`'s TaskGroup and ends with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES, Style
from ...models.errors import BackendError
from .actions import (
    Action,
    BeginReply,
    CancelReply,
    Duck,
    Forget,
    Hear,
    Hold,
    Keep,
    MeasureOverlap,
    Murmur,
    ReleaseReply,
    Resume,
    Send,
    Settle,
    StartTimer,
    StopTimer,
    Withdraw,
)
from .activity import VoiceActivity
from .alarm import Alarm
from .backends import Backends
from .buffer import AudioBuffer
from .carried import Carried
from .clock import SessionClock, Stopwatch
from .commands import ClearAudio, Command, CommitAudio, Configure, Rejoin, ReportPlayback
from .config import ServerVad, SessionConfig
from .conversation import Conversation
from .endpointing import milliseconds
from .events import (
    AudioDropped,
    Closed,
    Commanded,
    Event,
    TimerFired,
    TimerKind,
    VoiceStarted,
    VoiceStopped,
)
from .hearing import Hearing
from .making import make_reply
from .memory import Forgetful, Memory
from .mouth import Mouth
from .observe import Observer, Record, ResponseRecorded, SessionClosed, SessionOpened, Stepped, ignore, reply_number
from .outputs import Backchannel, Failure, Output, ResponseEnded, SpeechStarted, SpeechStopped
from .policy import DuplexPolicy
from .turns import Phase

BACKLOG_SAMPLES = 30 * HEARING_RATE_HZ
"""Audio that may wait to be heard; the oldest beyond it is dropped and reported."""
FRAMES_A_STEP = 64
"""Frames taken before other sessions get their turn of the event loop."""
EVENTS_LIMIT = 200
OUTPUT_LIMIT = 2000
"""Outputs that may wait for a slow client; beyond it the session is closed."""
IDLE_KEEP_SAMPLES = 4 * HEARING_RATE_HZ


@dataclass(frozen=True, slots=True)
class _AfterAudio:
    """A request about the audio sent before it; `pushed` samples had come by then."""

    command: CommitAudio | ClearAudio
    pushed: int


class Session:
    """Built and run inside an event loop; `push` and `command` never block, `outputs` ends when the session does."""

    def __init__(
        self,
        backends: Backends,
        config: SessionConfig,
        *,
        session_id: str,
        policy: DuplexPolicy | None = None,
        observer: Observer = ignore,
        memory: Memory | None = None,
    ) -> None:
        self._wall = Stopwatch(asyncio.get_running_loop().time)
        self._backends = backends
        self._id = session_id
        self._policy = policy or DuplexPolicy()
        self._observer = observer
        self._memory = memory or Forgetful()
        self.conversation = Conversation(session_id, config, self._policy)
        self._clock = SessionClock(self._wall.time())
        self._opened = self._wall.time()
        self._vad = backends.vad.stream()
        self._activity = VoiceActivity(threshold=_threshold(config))
        self._buffer = AudioBuffer()
        self._heard_to = 0
        self._missing = 0
        self._backlog: deque[NDArray[np.int16]] = deque()
        self._waiting = 0
        self._pushed = 0
        self._events: deque[Event | Command | _AfterAudio] = deque()
        self._timers: dict[TimerKind, int] = {}
        self._wake = Alarm()
        self._taken = asyncio.Event()
        self._hearing = Hearing(backends, self._post, self._now)
        self._mouth = Mouth(self._post, self._send, self._now, self._policy.lead_s)
        self._outputs: asyncio.Queue[Output | None] = asyncio.Queue()
        self._closing = False
        self.overflowed = False

    # -- the adapter's side ------------------------------------------------------------------------

    def push(self, samples: NDArray[np.int16]) -> None:
        """Take microphone audio, 16 kHz mono, any length. Beyond the backlog the oldest is dropped."""
        if not len(samples):
            return
        self._backlog.append(samples)
        self._waiting += len(samples)
        self._pushed += len(samples)
        dropped = 0
        while self._waiting > BACKLOG_SAMPLES and len(self._backlog) > 1:
            dropped += len(self._backlog[0])
            self._waiting -= len(self._backlog.popleft())
        if dropped:
            self._events.append(AudioDropped(self._now(), dropped))
        self._wake.set()

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that came and were not watched yet."""
        return self._waiting / HEARING_RATE_HZ

    def command(self, command: Command) -> None:
        """Take a client's request; a refusal comes back as `outputs.Rejected`."""
        if isinstance(command, CommitAudio | ClearAudio):
            self._events.append(_AfterAudio(command, self._pushed))
        else:
            self._events.append(command)
        self._wake.set()

    @property
    def has_room(self) -> bool:
        """Whether few requests are waiting."""
        return len(self._events) <= EVENTS_LIMIT or self._closing

    async def room(self) -> None:
        """Wait until few requests are waiting; an adapter reads on only then."""
        while not self.has_room:
            self._taken.clear()
            await self._taken.wait()

    async def outputs(self) -> AsyncIterator[Output]:
        while (output := await self._outputs.get()) is not None:
            yield output

    def pause(self) -> None:
        """The client's line broke: time stands still. What is being made is made; nothing more leaves or runs out."""
        self._wall.stop()

    def go_on(self) -> None:
        """The client is back: go on where it was."""
        self._wall.go_on()
        self._wake.set()

    @property
    def quiet(self) -> bool:
        """Whether all that the client sent was dealt with, all that it is told was taken, and nothing is under way."""
        asked = any(not hasattr(event, "at") for event in self._events)
        waits = asked or self._backlog or self._activity.active or not self._outputs.empty()
        return not waits and self.conversation.quiet

    def carry(self) -> Carried:
        """What can go on in another process."""
        return Carried(tuple(self.conversation.history), self.conversation.ids, self._hearing.baseline)

    def restore(self, carried: Carried, config: SessionConfig) -> None:
        """Before `run`: go on from what another process had."""
        self.conversation.restore(carried.entries, carried.ids, config)
        self._activity.threshold = _threshold(config)
        self._hearing.baseline = carried.baseline

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        self._taken.set()

    async def run(self) -> None:
        """Live until `close`. Whatever ends it, the outputs end too and no task is left."""
        self._observe(SessionOpened(self._id))
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._running: dict[int, asyncio.Task[None]] = {}
                self._children: set[asyncio.Task[None]] = set()
                await self._live()
                for task in self._children:
                    task.cancel()
        finally:
            self._outputs.put_nowait(None)
            self._buffer.clear()
            self._backlog.clear()
            self._memory.end()
            self._observe_closed()

    # -- the loop ----------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not self._closing:
            self._wake.clear()
            self._take_events()
            self._take_audio()
            self._take_events()
            self._fire_timers(self._now())
            self._mouth.pump(self._wall.time())
            await self._wait()
        self._feed(Closed(self._now()))

    async def _wait(self) -> None:
        """Sleep until something comes or is due; never longer, and not at all while audio waits."""
        if self._backlog or self._events:
            await asyncio.sleep(0)
            return
        due = [self._mouth.next_due(), self._stall_due()]
        if self._timers:
            due.append(self._clock.wall_at(min(self._timers.values())))
        times = [when for when in due if when is not None]
        await self._wake.wait_until(self._wall.when(min(times)) if times else None)

    def _take_events(self) -> None:
        while self._events and not self._audio_first(self._events[0]):
            event = self._events.popleft()
            if isinstance(event, _AfterAudio):
                self._feed(Commanded(self._now(), event.command, event.pushed))
                self._activity.reset()
                continue
            if isinstance(event, ReportPlayback):
                self._mouth.report(event.item_id, event.played_ms, self._wall.time())
            if isinstance(event, Rejoin):
                self._mouth.missed(event.item_id, event.missed_ms, self._wall.time())
            if isinstance(event, Configure):
                self._activity.threshold = _threshold(event.config)
            self._feed(Commanded(self._now(), event) if not hasattr(event, "at") else event)  # type: ignore[arg-type]
        self._taken.set()

    def _audio_first(self, event: object) -> bool:
        """Whether audio that was sent before this request is still to be heard."""
        if not isinstance(event, _AfterAudio):
            return False
        return self._pushed - self._waiting < event.pushed or self._buffer.end - self._heard_to >= VAD_FRAME_SAMPLES

    def _take_audio(self) -> None:
        """Store what came, and watch it for a voice, frame by frame."""
        while self._backlog and self._buffer.end - self._heard_to < FRAMES_A_STEP * VAD_FRAME_SAMPLES:
            samples = self._backlog.popleft()
            self._waiting -= len(samples)
            start = self._clock.advance(len(samples), self._wall.time())
            if start > self._buffer.end:
                self._missing += start - self._buffer.end
                self._silence(start)
            self._buffer.write(start, samples)
        for _ in range(FRAMES_A_STEP):
            if self._buffer.end - self._heard_to < VAD_FRAME_SAMPLES:
                break
            self._watch_frame()
        self._mind_stall()

    def _watch_frame(self) -> None:
        frame = self._buffer.read(self._heard_to, self._heard_to + VAD_FRAME_SAMPLES)
        self._heard_to += VAD_FRAME_SAMPLES
        if self.conversation.config.turn_detection is not None:
            self._step_activity(self._vad.probability(frame))
        self._fire_timers(self._heard_to)

    def _step_activity(self, probability: float) -> None:
        edge = self._activity.step(probability, self._heard_to)
        if edge is None:
            return
        if edge.kind == "started":
            self._feed(VoiceStarted(self._heard_to, edge.sample))
        else:
            self._feed(VoiceStopped(self._heard_to, edge.sample))

    def _silence(self, until: int) -> None:
        """Audio stopped coming: what is missing is silence, and a voice in it has ended."""
        while self._activity.active and self._heard_to + VAD_FRAME_SAMPLES <= until:
            self._heard_to += VAD_FRAME_SAMPLES
            self._step_activity(0.0)
        if not self._activity.active:
            self._heard_to = max(self._heard_to, until)

    def _mind_stall(self) -> None:
        now = self._now()
        if self._activity.active and now > self._buffer.end and not self._backlog:
            self._silence(now)
        idle = self.conversation.turns.phase is Phase.IDLE and self.conversation.config.turn_detection is not None
        if idle and self.conversation.overlaps.current is None and self._buffer.held > 2 * IDLE_KEEP_SAMPLES:
            self._buffer.forget(self._buffer.end - IDLE_KEEP_SAMPLES)

    def _stall_due(self) -> float | None:
        """When a voice whose audio stopped coming is next looked at."""
        if not self._activity.active or not self._buffer.end:
            return None
        return self._clock.wall_at(max(self._heard_to, self._buffer.end) + 2 * VAD_FRAME_SAMPLES)

    def _fire_timers(self, now: int) -> None:
        while self._timers and min(self._timers.values()) <= now:
            at, kind = min((at, kind) for kind, at in self._timers.items())
            del self._timers[kind]
            self._feed(TimerFired(max(at, 0), kind))

    # -- events in, actions out --------------------------------------------------------------------

    def _now(self) -> int:
        """The session clock; while received audio waits to be watched, not past it."""
        if self._buffer.end - self._heard_to >= VAD_FRAME_SAMPLES:
            return self._heard_to
        return self._clock.now(self._wall.time())

    def _post(self, event: Event) -> None:
        self._events.append(event)
        self._wake.set()

    def _feed(self, event: Event) -> None:
        played = self._mouth.played(self._now(), self._wall.time())
        for happened in (*played, event):
            actions = self.conversation.receive(happened)
            self._observe(Stepped(self._id, happened, tuple(actions)))
            for action in actions:
                self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case Send():
                self._send(action.output)
            case StartTimer():
                self._timers[action.kind] = action.at
            case StopTimer():
                self._timers.pop(action.kind, None)
            case Hear():
                self._hear(action)
            case MeasureOverlap():
                self._measure(action)
            case BeginReply():
                self._begin(action)
            case ReleaseReply():
                self._mouth.release(action.reply, action.response_id, action.item_id)
                self._wake.set()
            case CancelReply():
                self._cancel(action.reply)
            case Duck():
                self._mouth.duck()
            case Hold():
                self._mouth.hold(self._wall.time(), client_holds=action.client_holds)
            case Resume():
                self._mouth.resume(self._wall.time())
                self._wake.set()
            case Forget():
                self._buffer.forget(action.before)
            case Murmur():
                self._spawn(self._murmur(action))
            case Settle():
                self._hearing.committed(action.turn)
            case Keep():
                self._memory.keep(action.user, action.situation, action.appraisal)
            case Withdraw():
                self._memory.withdraw()

    def _hear(self, action: Hear) -> None:
        audio = self._buffer.read(action.start, action.end)
        self._spawn(self._hearing.hear(action, audio, self.conversation.config))

    def _measure(self, action: MeasureOverlap) -> None:
        audio = self._buffer.read(action.start, action.end)
        echo = self._mouth.echo(audio, self._wall.time())
        self._spawn(self._hearing.measure_overlap(action, audio, echo, self.conversation.config.language))

    async def _murmur(self, action: Murmur) -> None:
        """Rendered whole: these sounds are short, and cached by the synthesizer's cache."""
        voice = self._backends.voice(self.conversation.config.voice)
        try:
            stream = self._backends.synthesizer.stream(action.text, voice=voice, style=Style(tone=action.tone))
            pieces = [speech async for speech in stream]
        except BackendError as error:
            self._send(Failure("speech_failed", str(error)))
            return
        if pieces and self.conversation.turns.current is not None:
            samples = np.concatenate([piece.samples for piece in pieces])
            self._mouth.note(samples, pieces[0].rate_hz, self._wall.time())
            self._send(Backchannel(action.text, samples, pieces[0].rate_hz))

    def _begin(self, action: BeginReply) -> None:
        self._mouth.begin(action.reply)
        sink = self._mouth.sink(action.reply)
        before = reply_number.set(action.reply)
        work = make_reply(action.request, self._backends, self._policy, sink, self._memory)
        self._running[action.reply] = self._spawn(work)
        reply_number.reset(before)

    def _cancel(self, reply: int) -> None:
        self._mouth.flush(reply)
        task = self._running.pop(reply, None)
        if task is not None:
            task.cancel()

    def _spawn(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._tasks.create_task(work)  # type: ignore[arg-type]
        self._children.add(task)
        task.add_done_callback(self._children.discard)
        return task

    # -- out ---------------------------------------------------------------------------------------

    def _send(self, output: Output) -> None:
        if self._outputs.qsize() >= OUTPUT_LIMIT:
            self.overflowed = True
            self.close()
            return
        self._outputs.put_nowait(self._on_stream(output))
        if isinstance(output, ResponseEnded) and output.empathy is not None:
            record = output.empathy
            self._observe(
                ResponseRecorded(
                    self._id,
                    output.response_id,
                    output.status,
                    record["timings_ms"],
                    record["speculative"],
                    record,
                )
            )

    def _on_stream(self, output: Output) -> Output:
        """Clients count audio time in what they sent; the session clock also counts what they did not."""
        gap_ms = milliseconds(self._missing)
        if isinstance(output, SpeechStarted):
            return replace(output, audio_start_ms=max(0, output.audio_start_ms - gap_ms))
        if isinstance(output, SpeechStopped):
            return replace(output, audio_end_ms=max(0, output.audio_end_ms - gap_ms))
        return output

    def _observe(self, record: Record) -> None:
        self._observer(record)

    def _observe_closed(self) -> None:
        speculation = self.conversation.replies.speculation
        seconds = self._wall.time() - self._opened
        self._observe(SessionClosed(self._id, seconds, speculation.begun, speculation.used))


def _threshold(config: SessionConfig) -> float:
    detection = config.turn_detection
    return detection.threshold if isinstance(detection, ServerVad) else 0.5

"""One session: the single writer of its conversation. Takes frames and commands, runs actions, feeds events back.

No policy here (conversation.py), no wire (server/realtime.py). Everything runs in `run`'s TaskGroup and ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from ...models.base import Style
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
from .alarm import Alarm
from .backends import Backends
from .carried import Carried
from .clock import Stopwatch
from .commands import ClearAudio, Command, CommitAudio, Configure, Rejoin, ReportPlayback
from .config import SessionConfig
from .conversation import Conversation
from .events import (
    AudioDropped,
    Closed,
    Commanded,
    Event,
)
from .hearing import Hearing
from .inbox import AfterAudio, Inbox
from .intake import Intake
from .making import make_reply
from .memory import Forgetful, Memory
from .mouth import Mouth
from .observe import Observer, Record, SessionClosed, SessionOpened, Stepped, ignore, reply_number
from .outgoing import Outgoing
from .outputs import Backchannel, Failure, Output
from .policy import DuplexPolicy
from .timers import Timers


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
        self._opened = self._wall.time()
        self._wake = Alarm()
        self._inbox = Inbox(self._wake)
        self._intake = Intake(self.conversation, backends.vad.stream(), self._wall)
        self._timers = Timers()
        self._outgoing = Outgoing(session_id, self._intake, self._observer, self._wake)
        self._hearing = Hearing(backends, self._inbox.post, self._intake.now)
        self._mouth = Mouth(self._inbox.post, self._outgoing.send, self._intake.now, self._policy.lead_s)
        self._closing = False

    # -- the adapter's side ------------------------------------------------------------------------

    def push(self, samples: NDArray[np.int16]) -> None:
        """Take microphone audio, 16 kHz mono, any length. Beyond the backlog the oldest is dropped."""
        if not len(samples):
            return
        dropped = self._intake.push(samples)
        if dropped:
            self._inbox.post(AudioDropped(self._intake.now(), dropped))
        self._wake.set()

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that came and were not watched yet."""
        return self._intake.backlog_s

    def command(self, command: Command) -> None:
        """Take a client's request; a refusal comes back as `outputs.Rejected`."""
        if isinstance(command, CommitAudio | ClearAudio):
            self._inbox.post(AfterAudio(command, self._intake.pushed))
        else:
            self._inbox.post(command)

    @property
    def has_room(self) -> bool:
        """Whether few requests are waiting."""
        return self._inbox.has_room

    async def room(self) -> None:
        """Wait until few requests are waiting; an adapter reads on only then."""
        await self._inbox.room()

    def outputs(self) -> AsyncIterator[Output]:
        return self._outgoing.outputs()

    @property
    def overflowed(self) -> bool:
        """Whether it ended because its client took too little."""
        return self._outgoing.overflowed

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
        waits = self._inbox.asked or self._intake.waits or self._intake.active or not self._outgoing.empty
        return not waits and self.conversation.quiet

    def carry(self) -> Carried:
        """What can go on in another process."""
        return Carried(tuple(self.conversation.history), self.conversation.ids, self._hearing.baseline)

    def restore(self, carried: Carried, config: SessionConfig) -> None:
        """Before `run`: go on from what another process had."""
        self.conversation.restore(carried.entries, carried.ids, config)
        self._intake.configure(config)
        self._hearing.baseline = carried.baseline

    def close(self) -> None:
        self._closing = True
        self._inbox.close()
        self._wake.set()

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
            self._inbox.close()
            self._outgoing.end()
            self._intake.clear()
            self._memory.end()
            self._observe_closed()

    # -- the loop ----------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not (self._closing or self._outgoing.overflowed):
            self._wake.clear()
            self._take_events()
            self._take_audio()
            self._take_events()
            self._fire_timers(self._intake.now())
            self._mouth.pump(self._wall.time())
            await self._wait()
        self._feed(Closed(self._intake.now()))

    async def _wait(self) -> None:
        """Sleep until something comes or is due; never longer, and not at all while audio waits."""
        if self._intake.waits or self._inbox:
            await asyncio.sleep(0)
            return
        due = [self._mouth.next_due(), self._intake.stall_due()]
        if (at := self._timers.next) is not None:
            due.append(self._intake.clock.wall_at(at))
        times = [when for when in due if when is not None]
        await self._wake.wait_until(self._wall.when(min(times)) if times else None)

    def _take_events(self) -> None:
        while self._inbox and not self._audio_first(self._inbox.first):
            event = self._inbox.take()
            if isinstance(event, AfterAudio):
                self._feed(Commanded(self._intake.now(), event.command, event.pushed))
                self._intake.reset()
                continue
            if isinstance(event, ReportPlayback):
                self._mouth.report(event.item_id, event.played_ms, self._wall.time())
            if isinstance(event, Rejoin):
                self._mouth.missed(event.item_id, event.missed_ms, self._wall.time())
            if isinstance(event, Configure):
                self._intake.configure(event.config)
            self._feed(Commanded(self._intake.now(), event) if not hasattr(event, "at") else event)  # type: ignore[arg-type]
        self._inbox.taken()

    def _audio_first(self, event: object) -> bool:
        """Whether audio that was sent before this request is still to be heard."""
        return isinstance(event, AfterAudio) and self._intake.owes(event.pushed)

    def _take_audio(self) -> None:
        for news in self._intake.take():
            if isinstance(news, int):
                self._fire_timers(news)
            else:
                self._feed(news)

    def _fire_timers(self, now: int) -> None:
        while (fired := self._timers.fire(now)) is not None:
            self._feed(fired)

    # -- events in, actions out --------------------------------------------------------------------

    def _feed(self, event: Event) -> None:
        played = self._mouth.played(self._intake.now(), self._wall.time())
        for happened in (*played, event):
            actions = self.conversation.receive(happened)
            self._observe(Stepped(self._id, happened, tuple(actions)))
            for action in actions:
                self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case Send():
                self._outgoing.send(action.output)
            case StartTimer():
                self._timers.start(action.kind, action.at)
            case StopTimer():
                self._timers.stop(action.kind)
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
                self._intake.buffer.forget(action.before)
            case Murmur():
                self._spawn(self._murmur(action))
            case Settle():
                self._hearing.committed(action.turn)
            case Keep():
                self._memory.keep(action.user, action.situation, action.appraisal)
            case Withdraw():
                self._memory.withdraw()

    def _hear(self, action: Hear) -> None:
        audio = self._intake.buffer.read(action.start, action.end)
        self._spawn(self._hearing.hear(action, audio, self.conversation.config))

    def _measure(self, action: MeasureOverlap) -> None:
        audio = self._intake.buffer.read(action.start, action.end)
        echo = self._mouth.echo(audio, self._wall.time())
        self._spawn(self._hearing.measure_overlap(action, audio, echo, self.conversation.config.language))

    async def _murmur(self, action: Murmur) -> None:
        """Rendered whole: these sounds are short, and cached by the synthesizer's cache."""
        voice = self._backends.voice(self.conversation.config.voice)
        try:
            stream = self._backends.synthesizer.stream(action.text, voice=voice, style=Style(tone=action.tone))
            pieces = [speech async for speech in stream]
        except BackendError as error:
            self._outgoing.send(Failure("speech_failed", str(error)))
            return
        if pieces and self.conversation.turns.current is not None:
            samples = np.concatenate([piece.samples for piece in pieces])
            self._mouth.note(samples, pieces[0].rate_hz, self._wall.time())
            self._outgoing.send(Backchannel(action.text, samples, pieces[0].rate_hz))

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

    def _observe(self, record: Record) -> None:
        self._observer(record)

    def _observe_closed(self) -> None:
        speculation = self.conversation.replies.speculation
        seconds = self._wall.time() - self._opened
        self._observe(SessionClosed(self._id, seconds, speculation.begun, speculation.used))

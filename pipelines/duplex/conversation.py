"""The conversation: event in, actions out. The only place where policy lives.

Pure: no asyncio, no wall clock, no audio, no network. The same events give the same actions, so a log of
them replays. Regions: the user's turn (turns.py) and which reply it gets (answering.py), the response (replies.py),
its playback (playback.py), a voice over ours (overlap.py), the items (history.py, editing.py). A pair of state and
event that makes no sense is a no-op.
"""

from __future__ import annotations

from collections.abc import Iterable

from .actions import Action, Resume, Withdraw
from .answering import Answering
from .commands import (
    CancelResponse,
    ClearAudio,
    CommitAudio,
    Configure,
    CreateItem,
    CreateResponse,
    DeleteItem,
    Rejoin,
    ReportPlayback,
    RetrieveItem,
    TruncateItem,
)
from .config import SessionConfig
from .context import Context
from .editing import Editing
from .endpointing import milliseconds
from .events import (
    Appraised,
    AudioDropped,
    Closed,
    Commanded,
    CuesRead,
    Degraded,
    Drained,
    Event,
    HearingFailed,
    OverlapMeasured,
    PauseJudged,
    Played,
    Recognized,
    Recollected,
    ReplyFinished,
    TimerFired,
    TimerKind,
    Voiced,
    VoiceStarted,
    VoiceStopped,
    Worded,
)
from .history import Entry, History
from .outputs import AudioCleared, Configured, Failure
from .overlap import Overlaps
from .playback import Playback
from .policy import DuplexPolicy
from .replies import Replies
from .turns import Phase, Turns


class Conversation:
    """One session's state. `receive` never raises for anything a client or a model can do."""

    def __init__(self, session_id: str, config: SessionConfig, policy: DuplexPolicy | None = None) -> None:
        self._context = Context(session_id, config)
        self.playback = Playback(self._context)
        self.replies = Replies(self._context, self.playback)
        self.answering = Answering(self._context, self.replies)
        self.turns = Turns(self._context, self.replies, self.answering, policy or DuplexPolicy())
        self.overlaps = Overlaps(self._context, self.turns, self.replies)
        self._editing = Editing(self._context, self.replies, self.playback)
        self._closed = False

    @property
    def config(self) -> SessionConfig:
        return self._context.config

    @property
    def history(self) -> History:
        return self._context.history

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way: nobody speaks, and nothing is waited for or being made."""
        turns = self.turns
        waiting = turns.pending or self.answering.when_free is not None or self.overlaps.current is not None
        return turns.phase is Phase.IDLE and not waiting and self.replies.current is None

    @property
    def ids(self) -> int:
        """How many ids it has given out."""
        return self._context.ids

    def restore(self, entries: Iterable[Entry], ids: int, config: SessionConfig) -> None:
        """Before the first event: go on from these."""
        self._context.config = config
        for entry in entries:
            self._context.history.insert(entry)
        self._context.ids = ids

    def receive(self, event: Event) -> list[Action]:
        """Take what happened; give what is to be done, in order."""
        if self._closed:
            return []
        self._context.at = max(self._context.at, event.at)
        self._dispatch(event)
        self._settle()
        actions, self._context.actions = self._context.actions, []
        return actions

    def _dispatch(self, event: Event) -> None:
        match event:
            case VoiceStarted():
                self._on_voice_started(event)
            case VoiceStopped():
                self._on_voice_stopped(event)
            case TimerFired():
                self._on_timer(event.kind)
            case Commanded():
                self._on_command(event)
            case PauseJudged():
                self.turns.on_judged(event)
            case Recognized():
                self.turns.on_recognized(event)
            case CuesRead():
                self.turns.on_cues(event)
            case HearingFailed():
                self.turns.on_failed(event)
                self._context.send(Failure(f"{event.stage}_failed", event.message))
            case OverlapMeasured():
                self.overlaps.on_measured(event)
            case AudioDropped():
                self._context.send(Failure("input_audio_overflow", self._overflow(event)))
            case Closed():
                self._close()
            case _:
                self._on_reply(event)

    def _on_reply(self, event: Event) -> None:
        replies = self.replies
        match event:
            case Appraised():
                replies.on_appraised(event)
            case Recollected():
                replies.on_recollected(event)
            case Worded():
                replies.on_worded(event)
            case Voiced():
                replies.on_voiced(event)
            case Degraded():
                replies.on_degraded(event)
                self._context.send(Failure(f"{event.stage}_failed", event.message))
            case ReplyFinished():
                replies.on_finished(event)
            case Drained():
                replies.on_drained(event)
            case Played():
                self.playback.on_played(event)

    def _on_voice_started(self, event: VoiceStarted) -> None:
        detection = self._context.config.turn_detection
        if detection is None:
            return
        if self.overlaps.current is not None:
            self.overlaps.resume()
        elif self.turns.phase is Phase.MAYBE_ENDED:
            self.turns.resume(event.onset)
        elif self.turns.phase is Phase.IDLE:
            if self.replies.audible is not None and detection.interrupt_response:
                self.overlaps.begin(event.onset)
                return
            unheard = self.replies.active is not None and detection.interrupt_response
            if unheard:
                self.replies.interrupt("turn_detected")
            self.turns.begin(event.onset, took_over=unheard)

    def _on_voice_stopped(self, event: VoiceStopped) -> None:
        if self.overlaps.current is not None:
            self.overlaps.stop(event.offset)
        else:
            self.turns.pause(event.offset)

    def _on_timer(self, kind: TimerKind) -> None:
        match kind:
            case TimerKind.COMMIT:
                self.turns.on_commit_due()
            case TimerKind.PARTIAL:
                self.turns.on_partial_due()
            case TimerKind.OVERLAP:
                self.overlaps.on_look_due()
            case TimerKind.HEARING:
                self.turns.on_hearing_deadline()
            case TimerKind.REPLY:
                self.replies.on_deadline()
            case TimerKind.PLAYBACK:
                self.playback.on_over()
                self.turns.start_idle_timer()
            case TimerKind.IDLE:
                self.turns.on_idle()

    def _on_command(self, event: Commanded) -> None:
        match command := event.command:
            case Configure():
                self._configure(command)
            case CommitAudio():
                self.turns.commit_by_hand(command.event_id, event.audio)
            case ClearAudio():
                self.turns.clear(event.audio)
                self._context.send(AudioCleared())
            case CreateItem():
                self._editing.create(command)
            case RetrieveItem():
                self._editing.retrieve(command)
            case DeleteItem():
                self._editing.delete(command)
            case TruncateItem():
                self._editing.truncate(command)
            case CreateResponse():
                self._create_response(command)
            case CancelResponse():
                self._cancel_response(command)
            case ReportPlayback():
                pass  # the session's pacer has taken it; `Played` follows
            case Rejoin():
                self.replies.on_missed(command.item_id, command.missed_ms)

    def _configure(self, command: Configure) -> None:
        changed = command.config.turn_detection != self._context.config.turn_detection
        if self._context.empathy.memory and not command.config.empathy.memory:
            self._context.act(Withdraw())
        self._context.config = command.config
        if changed and command.config.turn_detection is None:
            self.turns.clear()
        self._context.send(Configured())

    def _create_response(self, command: CreateResponse) -> None:
        if self.replies.active is not None:
            self._context.reject(
                "conversation_already_has_active_response",
                f"Response {self.replies.active.response_id} is still in progress; wait for its response.done.",
                event_id=command.event_id,
            )
            return
        self.turns.answer(command.options)

    def _cancel_response(self, command: CancelResponse) -> None:
        active = self.replies.active
        if active is None or command.response_id not in (None, active.response_id):
            self._context.reject(
                "response_cancel_not_active",
                "Cancellation failed: no active response found",
                event_id=command.event_id,
            )
            return
        self.replies.interrupt("client_cancelled")

    def _settle(self) -> None:
        """What follows from the state alone, after any event."""
        if self.overlaps.current is not None and self.replies.audible is None:
            self.overlaps.over()
        waiting = self.answering.when_free
        if waiting is not None and self.replies.current is None and self.replies.audible is None:
            self.answering.when_free = None
            self.turns.answer(waiting)

    def _overflow(self, event: AudioDropped) -> str:
        dropped_ms = milliseconds(event.samples)
        return f"Audio came faster than it can be heard; {dropped_ms} ms of the oldest were dropped."

    def _close(self) -> None:
        self.replies.interrupt("client_cancelled")
        self._context.act(Resume())
        self._closed = True

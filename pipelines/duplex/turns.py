"""Region UserTurn: from the first sound of a voice to the committed words of a turn."""

from __future__ import annotations

from enum import StrEnum

from ...models.labels import Risk
from .actions import Forget, Hear, Settle
from .answering import Answering
from .config import ResponseOptions, SemanticVad, ServerVad
from .context import Context
from .crisis import risk_in
from .endpointing import URGENT_MS, commit_delay_ms, likely_done, longest_delay_ms, milliseconds, samples
from .events import CuesRead, HearingFailed, PauseJudged, Recognized, TimerKind
from .history import Entry
from .items import Item
from .listening import murmur
from .outputs import (
    AudioCommitted,
    IdleTimeout,
    ItemAdded,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
)
from .policy import DuplexPolicy
from .replies import Replies
from .trace import cues_record
from .turn import Turn

PREFIX_MS = 300
"""Audio kept from before the onset: VAD finds soft consonants late."""
PARTIAL_MS = 1000
HEARING_DEADLINE_MS = 15_000
LONGEST_TURN_MS = 120_000
"""A turn is split here, so that noise or a stuck microphone cannot make an endless one. The answer waits for the
speaker all the same, and then goes by all parts."""
SHORTEST_COMMIT_MS = 100


class Phase(StrEnum):
    IDLE = "idle"
    SPEAKING = "speaking"
    MAYBE_ENDED = "maybe_ended"


class Turns:
    """`current` is being spoken; `pending` are committed and wait for their words."""

    def __init__(self, context: Context, replies: Replies, answering: Answering, policy: DuplexPolicy) -> None:
        self._context = context
        self._replies = replies
        self._answering = answering
        self._policy = policy
        self._numbers = 0
        self._buffer_start = 0
        self._audio_used = 0
        self.phase = Phase.IDLE
        self.current: Turn | None = None
        self.pending: dict[int, Turn] = {}
        self._last: Turn | None = None
        """The turn that was committed last: how it was said may be known only after its words."""
        self._murmured_at: int | None = None
        self._murmurs = 0

    # -- the voice ---------------------------------------------------------------------------------

    def begin(self, onset: int, *, took_over: bool = False) -> None:
        """A voice that counts as a turn has begun; `took_over` as in `Turn`."""
        detection = self._context.config.turn_detection
        padding = detection.prefix_padding_ms if isinstance(detection, ServerVad) else PREFIX_MS
        start = max(self._buffer_start, onset - samples(padding))
        self._numbers += 1
        self.current = Turn(self._numbers, self._context.new_id("item"), start, onset, voice_from=onset, voiced=0)
        self.current.took_over = took_over
        self.phase = Phase.SPEAKING
        self._context.stop(TimerKind.IDLE)
        self._context.send(SpeechStarted(self.current.item_id, milliseconds(start)))
        self._context.start(TimerKind.PARTIAL, PARTIAL_MS)

    def resume(self, onset: int) -> None:
        """The pause was one inside the turn."""
        self.phase = Phase.SPEAKING
        if self.current is not None:
            self.current.voice_from = onset
        self._context.stop(TimerKind.COMMIT)
        self._replies.drop_speculation()
        self._context.start(TimerKind.PARTIAL, PARTIAL_MS)

    def pause(self, offset: int) -> None:
        """The voice has stopped, perhaps for good."""
        turn = self.current
        if turn is None or self.phase is not Phase.SPEAKING or self._context.config.turn_detection is None:
            return
        self.phase = Phase.MAYBE_ENDED
        turn.offset, turn.revision = offset, turn.revision + 1
        turn.count_voice()
        turn.text = turn.completion = turn.closure = None
        turn.awaited, turn.failure = True, None
        self._hear(turn, final=True)
        self._context.stop(TimerKind.PARTIAL)
        self._context.start(TimerKind.COMMIT, longest_delay_ms(self._context.config.turn_detection), since=offset)

    def on_partial_due(self) -> None:
        turn = self.current
        if turn is None or self.phase is not Phase.SPEAKING:
            return
        if self._context.at - turn.start >= samples(LONGEST_TURN_MS):
            self.commit(self._context.at, wants_response=False)
            self.begin(self._context.at)
            return
        if not turn.hearing and self._policy.partials:
            self._hear(turn, final=False)
        self._context.start(TimerKind.PARTIAL, PARTIAL_MS)

    # -- what was heard of it ----------------------------------------------------------------------

    def on_judged(self, event: PauseJudged) -> None:
        turn = self._at_pause(event.turn, event.revision)
        if turn is not None:
            turn.completion = event.completion
            self._reconsider(turn)
            self._listen_aloud(turn, event.completion)

    def on_recognized(self, event: Recognized) -> None:
        if event.turn in self.pending:
            if event.transcript.final and event.revision == self.pending[event.turn].revision:
                waiting = self.pending.pop(event.turn)
                self._learn(waiting, waiting.said(event.transcript))
            return
        turn = self.current
        if turn is None or turn.number != event.turn:
            return
        turn.hearing = False
        if not event.transcript.final:
            self._show(turn, event.transcript.text[: event.transcript.stable_chars])
        elif self._at_pause(event.turn, event.revision) is not None:
            turn.text, turn.closure = turn.said(event.transcript), event.transcript.closure
            turn.awaited = False
            turn.urgent = risk_in(turn.text) is Risk.CRISIS
            self._reconsider(turn)

    def on_cues(self, event: CuesRead) -> None:
        known = (self.current, self.pending.get(event.turn), self._last)
        turn = next((turn for turn in known if turn is not None and turn.number == event.turn), None)
        if turn is None or event.revision != turn.revision:
            return
        turn.cues = event.cues
        turn.text = "" if turn.text and turn.is_reflex(turn.text) else turn.text
        partial = turn is self.current and self.phase is Phase.SPEAKING
        self._context.notice("cues", item_id=turn.item_id, partial=partial, **cues_record(event.cues))
        if turn.committed_at is not None:
            self._context.history.annotate(turn.item_id, cues=event.cues)
        elif self._at_pause(event.turn, event.revision) is not None:
            self._reconsider(turn)

    def on_failed(self, event: HearingFailed) -> None:
        if event.stage != "recognition":
            return
        if event.turn in self.pending and self.pending[event.turn].revision == event.revision:
            self._give_up(self.pending.pop(event.turn), event.message)
        elif self.current is not None and self.current.number == event.turn:
            self.current.hearing = False
            if self._at_pause(event.turn, event.revision) is not None:
                self.current.awaited, self.current.failure = False, event.message
                self._reconsider(self.current)

    def on_hearing_deadline(self) -> None:
        for number in list(self.pending):
            self._give_up(self.pending.pop(number), "recognition took too long")

    # -- the end of a turn -------------------------------------------------------------------------

    def on_commit_due(self) -> None:
        if self.current is not None and self.phase is Phase.MAYBE_ENDED:
            self.commit(self.current.offset)

    def commit(self, end: int, *, wants_response: bool = True) -> None:
        """The turn is over: its audio becomes an item, and an answer is due if the session wants one, too."""
        turn, context = self.current, self._context
        if turn is None:
            return
        if self.phase is Phase.SPEAKING:
            turn.offset, turn.revision = end, turn.revision + 1
            turn.count_voice()
            turn.text = turn.failure = None
            self._hear(turn, final=True)
        context.stop(TimerKind.COMMIT)
        context.stop(TimerKind.PARTIAL)
        context.send(SpeechStopped(turn.item_id, milliseconds(turn.offset)))
        detection = context.config.turn_detection
        turn.wants_response = wants_response and detection is not None and detection.create_response
        if not turn.wants_response:
            self._replies.drop_speculation()
        self._become_item(turn)

    def commit_by_hand(self, event_id: str | None, audio: int | None = None) -> None:
        """`input_audio_buffer.commit`: what has come since the last one is the turn.

        `audio` is how many samples have come in all: where none come, the clock goes on all the same.
        """
        context = self._context
        if context.config.turn_detection is not None:
            if self.current is None:
                self._nothing_to_commit(event_id)
            else:
                self.commit(context.at, wants_response=False)
            return
        received = context.at - self._buffer_start if audio is None else audio - self._audio_used
        if min(received, context.at - self._buffer_start) < samples(SHORTEST_COMMIT_MS):
            self._nothing_to_commit(event_id)
            return
        self._audio_used = audio or 0
        self._numbers += 1
        turn = Turn(self._numbers, context.new_id("item"), self._buffer_start, context.at, revision=1)
        self._hear(turn, final=True)
        self._become_item(turn)

    def clear(self, audio: int | None = None) -> None:
        """Forget what was said and not committed; `audio` as in `commit_by_hand`."""
        self._audio_used = audio or self._audio_used
        self._replies.drop_speculation()
        self.current, self.phase = None, Phase.IDLE
        self._buffer_start = self._context.at
        for kind in (TimerKind.COMMIT, TimerKind.PARTIAL):
            self._context.stop(kind)
        self._context.act(Forget(self._buffer_start))

    # -- answering ---------------------------------------------------------------------------------

    def answer(self, options: ResponseOptions) -> None:
        """Make a response to what stands in the history, or once the words of the last turn are known."""
        if self.pending:
            self._replies.announce(options)
            last = max(self.pending)
            self.pending[last].wants_response = True
        else:
            self._answering.respond(options)

    def on_idle(self) -> None:
        """Nobody speaks: say so, and check in once."""
        context = self._context
        if self.current is not None or self._replies.current is not None:
            return
        context.send(IdleTimeout(context.new_id("item"), milliseconds(self._buffer_start), milliseconds(context.at)))
        self._answering.respond()

    def start_idle_timer(self) -> None:
        detection = self._context.config.turn_detection
        if isinstance(detection, ServerVad) and detection.idle_timeout_ms is not None and self.current is None:
            self._context.start(TimerKind.IDLE, detection.idle_timeout_ms)

    # -- inside ------------------------------------------------------------------------------------

    def _hear(self, turn: Turn, *, final: bool) -> None:
        turn.hearing = True
        voice_end = turn.offset if final and self.phase is Phase.MAYBE_ENDED else None
        self._context.act(Hear(turn.number, turn.revision, turn.start, self._context.at, final, voice_end))

    def _at_pause(self, number: int, revision: int) -> Turn | None:
        turn = self.current
        here = turn is not None and turn.number == number and turn.revision == revision
        return turn if here and self.phase is Phase.MAYBE_ENDED else None

    def _reconsider(self, turn: Turn) -> None:
        """Something more is known of the pause: set the end of the turn anew, and perhaps begin to answer.

        While the words are awaited there is nothing to answer yet, so the turn stays open for the speaker.
        """
        detection = self._context.config.turn_detection
        if detection is None or (turn.awaited and isinstance(detection, SemanticVad)):
            return
        delay = commit_delay_ms(detection, turn.completion, turn.cues, turn.text or "", turn.closure)
        if turn.urgent and isinstance(detection, SemanticVad):
            delay = min(delay, URGENT_MS)
        self._context.start(TimerKind.COMMIT, delay, since=turn.offset)
        likely = likely_done(turn.completion, turn.text or "", turn.closure)
        wanted = detection.create_response and self._policy.speculate
        if turn.text and likely and wanted:
            self._answering.speculate(turn)

    def _listen_aloud(self, turn: Turn, completion: float) -> None:
        """A small sound at a phrase's end of a long turn, for clients that want it."""
        context = self._context
        if not (context.empathy.backchannels and context.empathy.events) or self._replies.audible is not None:
            return
        since = None if self._murmured_at is None else milliseconds(context.at - self._murmured_at)
        length = milliseconds(turn.offset - turn.start)
        sound = murmur(turn.cues, completion=completion, turn_ms=length, since_last_ms=since, count=self._murmurs)
        if sound is not None:
            self._murmured_at, self._murmurs = context.at, self._murmurs + 1
            context.act(sound)

    def _become_item(self, turn: Turn) -> None:
        context = self._context
        turn.committed_at = context.at
        turn.seconds = milliseconds(turn.offset - turn.start) / 1000
        previous = context.history.last_id
        item = Item(turn.item_id, "user", "input_audio", None)
        context.history.insert(Entry(item, turn.cues))
        context.send(AudioCommitted(turn.item_id, previous))
        context.send(ItemAdded(item, previous))
        self.current, self._last, self.phase = None, turn, Phase.IDLE
        self._buffer_start = context.at
        context.act(Settle(turn.number), Forget(self._buffer_start - samples(PREFIX_MS)))
        if turn.failure is not None:
            self._give_up(turn, turn.failure)
        elif turn.text is None:
            self.pending[turn.number] = turn
            context.start(TimerKind.HEARING, HEARING_DEADLINE_MS)
        else:
            self._learn(turn, turn.text)

    def _learn(self, turn: Turn, text: str) -> None:
        """The words of a committed turn are known."""
        context = self._context
        text = text.strip()
        if not self.pending:
            context.stop(TimerKind.HEARING)
        if context.history.has(turn.item_id):
            context.history.update(turn.item_id, text=text)
            context.history.annotate(turn.item_id, cues=turn.cues)
        self._show(turn, text)
        empathy = {"cues": cues_record(turn.cues)} if turn.cues is not None else None
        context.send(TranscriptCompleted(turn.item_id, text, turn.seconds, empathy))
        if turn.wants_response:
            self._answering.answer(turn, text)

    def _give_up(self, turn: Turn, message: str) -> None:
        self._context.send(TranscriptFailed(turn.item_id, message))
        if turn.wants_response:
            self._answering.apologise(turn)

    def _show(self, turn: Turn, stable: str) -> None:
        """Send what is new of the words that will stay."""
        if len(stable) > len(turn.shown) and stable.startswith(turn.shown):
            self._context.send(TranscriptDelta(turn.item_id, stable[len(turn.shown) :]))
            turn.shown = stable

    def _nothing_to_commit(self, event_id: str | None) -> None:
        self._context.reject(
            "input_audio_buffer_commit_empty",
            f"There is no speech to commit: send at least {SHORTEST_COMMIT_MS} ms of audio first.",
            event_id=event_id,
        )

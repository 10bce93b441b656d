"""Region UserTurn: from the first sound of a voice to the committed words of a turn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...models.base import Cues, Situation, Transcript
from ...models.labels import Risk, VocalEvent
from . import wording
from .actions import Forget, Hear, Settle
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

PREFIX_MS = 300
"""Audio kept from before the onset: VAD finds soft consonants late."""
PARTIAL_MS = 1000
HEARING_DEADLINE_MS = 15_000
LONGEST_TURN_MS = 120_000
"""A turn is split here, so that noise or a stuck microphone cannot make an endless one. The answer waits for the
speaker all the same, and then goes by all parts."""
SHORTEST_COMMIT_MS = 100
SHORTEST_VOICE_MS = 130
"""No word is shorter: what a recogniser hears in less (in a cough "Yeah.") was not said."""
REFLEXES = frozenset({VocalEvent.COUGH, VocalEvent.SNEEZE, VocalEvent.THROAT_CLEAR})
"""Sounds that nobody makes to say something."""
REFLEX_SHARE = 0.6
"""A turn of which reflexes are so much, and that has no more than so many words, was a reflex: the recogniser made the
words of it ("AHA!" of a cough). Who coughs and then says "yes" is below it."""
REFLEX_WORDS = 2
APOLOGY = "Sorry, I couldn't make that out. Could you say it once more?"


class Phase(StrEnum):
    IDLE = "idle"
    SPEAKING = "speaking"
    MAYBE_ENDED = "maybe_ended"


@dataclass(slots=True)
class Turn:
    """One stretch of the user's speech; `revision` counts its pauses."""

    number: int
    item_id: str
    start: int
    offset: int
    voice_from: int | None = None
    voiced: int | None = None
    """Samples of voice in it up to the last pause; `None` where nobody watched for one."""
    revision: int = 0
    completion: float | None = None
    text: str | None = None
    closure: float | None = None
    shown: str = ""
    cues: Cues | None = None
    hearing: bool = False
    awaited: bool = False
    """Whether the words up to the pause in hand are still being recognised."""
    failure: str | None = None
    """Why they could not be."""
    urgent: bool = False
    """Whether the words up to the pause in hand tell of a crisis."""
    committed_at: int | None = None
    wants_response: bool = False
    took_over: bool = False
    """Whether its first sound ended a reply of which nothing was heard yet."""
    seconds: float = 0.0


class Turns:
    """`current` is being spoken; `pending` are committed and wait for their words."""

    def __init__(self, context: Context, replies: Replies, policy: DuplexPolicy) -> None:
        self._context = context
        self._replies = replies
        self._policy = policy
        self._numbers = 0
        self._buffer_start = 0
        self._audio_used = 0
        self.phase = Phase.IDLE
        self.current: Turn | None = None
        self.pending: dict[int, Turn] = {}
        self._last: Turn | None = None
        """The turn that was committed last: how it was said may be known only after its words."""
        self.answer_when_free: ResponseOptions | None = None
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
        self._count_voice(turn)
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
                self._learn(waiting, _said(waiting, event.transcript))
            return
        turn = self.current
        if turn is None or turn.number != event.turn:
            return
        turn.hearing = False
        if not event.transcript.final:
            self._show(turn, event.transcript.text[: event.transcript.stable_chars])
        elif self._at_pause(event.turn, event.revision) is not None:
            turn.text, turn.closure = _said(turn, event.transcript), event.transcript.closure
            turn.awaited = False
            turn.urgent = risk_in(turn.text) is Risk.CRISIS
            self._reconsider(turn)

    def on_cues(self, event: CuesRead) -> None:
        known = (self.current, self.pending.get(event.turn), self._last)
        turn = next((turn for turn in known if turn is not None and turn.number == event.turn), None)
        if turn is None or event.revision != turn.revision:
            return
        turn.cues = event.cues
        turn.text = "" if turn.text and _reflex(turn, turn.text) else turn.text
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
            self._count_voice(turn)
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
            self._replies.respond(self.situation(), options)

    def situation(self, turn: Turn | None = None) -> Situation:
        """What an answer would rest on now; with `turn`, as if that were committed already."""
        said, cues = self._context.history.open_turn()
        if turn is not None and turn.text:
            said, cues = f"{said} {turn.text}".strip(), turn.cues or cues
        return Situation(said, cues, self._context.history.past(), self._context.config.language)

    def on_idle(self) -> None:
        """Nobody speaks: say so, and check in once."""
        context = self._context
        if self.current is not None or self._replies.current is not None:
            return
        context.send(IdleTimeout(context.new_id("item"), milliseconds(self._buffer_start), milliseconds(context.at)))
        self._replies.respond(self.situation(), ResponseOptions())

    def start_idle_timer(self) -> None:
        detection = self._context.config.turn_detection
        if isinstance(detection, ServerVad) and detection.idle_timeout_ms is not None and self.current is None:
            self._context.start(TimerKind.IDLE, detection.idle_timeout_ms)

    # -- inside ------------------------------------------------------------------------------------

    def _hear(self, turn: Turn, *, final: bool) -> None:
        turn.hearing = True
        voice_end = turn.offset if final and self.phase is Phase.MAYBE_ENDED else None
        self._context.act(Hear(turn.number, turn.revision, turn.start, self._context.at, final, voice_end))

    def _count_voice(self, turn: Turn) -> None:
        """A stretch of voice has ended at the turn's offset."""
        if turn.voice_from is not None and turn.voiced is not None:
            turn.voiced += turn.offset - turn.voice_from
            turn.voice_from = None

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
        if turn.text and likely and wanted and self._replies.current is None:
            self._replies.speculate(self.situation(turn), (turn.number, turn.revision), turn.offset)

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
            self._answer_turn(turn, text)

    def _answer_turn(self, turn: Turn, text: str) -> None:
        replies = self._replies
        if not text:
            self._answer_noise(turn)
            return
        if replies.release((turn.number, turn.revision)):
            return
        if replies.active is not None and replies.active.phase != "waiting":
            self.answer_when_free = ResponseOptions()
            return
        options = replies.active.options if replies.active is not None else ResponseOptions()
        replies.respond(self.situation(), options, origin=turn.offset)

    def _answer_noise(self, turn: Turn) -> None:
        """Noise, or nothing, is never answered; but a cough after a question does not take the question back."""
        replies = self._replies
        replies.drop_speculation()
        if replies.active is not None and replies.active.phase == "waiting":
            replies.finish_silently()
        elif turn.took_over and replies.active is None and self.situation().text:
            replies.respond(self.situation(), ResponseOptions(), origin=turn.offset)

    def _give_up(self, turn: Turn, message: str) -> None:
        self._context.send(TranscriptFailed(turn.item_id, message))
        if turn.wants_response and (self._replies.active is None or self._replies.active.phase == "waiting"):
            self._replies.respond(self.situation(), ResponseOptions(), line=APOLOGY, origin=turn.offset)

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


def _said(turn: Turn, transcript: Transcript) -> str:
    """The words of a turn; none where the voice was too short for any, or made only sounds: a cough is no question,
    and who says "um" goes on. What a client commits itself is taken as it is."""
    text = transcript.text.strip()
    if turn.voiced is None:
        return text
    wordless = turn.voiced < samples(SHORTEST_VOICE_MS) or wording.sounds(text) or _reflex(turn, text)
    return "" if wordless else text


def _reflex(turn: Turn, text: str) -> bool:
    """Whether the voice coughed, sneezed or cleared its throat, as far as is known yet, and did little else."""
    if not turn.voiced or turn.cues is None or len(text.split()) > REFLEX_WORDS:
        return False
    spent = sum(span.end - span.start for span in turn.cues.events if span.event in REFLEXES)
    return spent >= REFLEX_SHARE * turn.voiced

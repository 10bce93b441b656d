"""Whatever happens in whatever order, the conversation keeps its promises (Hypothesis, virtual time)."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from affetto.models.base import SpokenWord, Transcript
from affetto.pipelines.duplex.actions import (
    Action,
    BeginReply,
    CancelReply,
    Hear,
    MeasureOverlap,
    ReleaseReply,
    Send,
    StartTimer,
    StopTimer,
)
from affetto.pipelines.duplex.commands import (
    CancelResponse,
    ClearAudio,
    CommitAudio,
    Configure,
    CreateItem,
    CreateResponse,
    DeleteItem,
    Rejoin,
    TruncateItem,
)
from affetto.pipelines.duplex.config import SemanticVad, ServerVad, SessionConfig
from affetto.pipelines.duplex.conversation import Conversation
from affetto.pipelines.duplex.events import (
    Commanded,
    Drained,
    HearingFailed,
    OverlapMeasured,
    PauseJudged,
    Played,
    Recognized,
    ReplyFinished,
    TimerFired,
    TimerKind,
    Voiced,
    VoiceStarted,
    VoiceStopped,
    Worded,
)
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.duplex.outputs import ResponseAudio, ResponseEnded, ResponseStarted, Usage
from affetto.pipelines.duplex.turns import Phase

STEP = st.integers(1, 16_000)
TEXTS = st.sampled_from(["", "yeah", "wait a moment", "I lost my keys", "mhm"])
DETECTIONS = st.sampled_from([None, SemanticVad(), ServerVad(), SemanticVad(interrupt_response=False)])
WORDS = tuple(SpokenWord(f"w{i}", i * 2400, (i + 1) * 2400) for i in range(10))
SPOKEN = " ".join(word.text for word in WORDS)


class ConversationMachine(RuleBasedStateMachine):
    """Plays the session's part: keeps timers, and lets replies and hearing answer late, wrongly, or never."""

    @initialize(detection=DETECTIONS)
    def begin(self, detection: SemanticVad | ServerVad | None) -> None:
        self.conversation = Conversation("h", SessionConfig(turn_detection=detection))
        self.at = 0
        self.voice = False
        self.timers: dict[TimerKind, int] = {}
        self.hears: list[Hear] = []
        self.looks: list[MeasureOverlap] = []
        self.making: dict[int, bool] = {}
        self.released: set[int] = set()
        self.cancelled: set[int] = set()
        self.open: str | None = None
        self.terminals: set[str] = set()
        self.items = 0

    def feed(self, event: object) -> None:
        self.at = max(self.at, event.at)  # type: ignore[attr-defined]
        for action in self.conversation.receive(event):  # type: ignore[arg-type]
            self.take(action)

    def take(self, action: Action) -> None:
        match action:
            case StartTimer():
                assert action.at >= self.at
                self.timers[action.kind] = action.at
            case StopTimer():
                self.timers.pop(action.kind, None)
            case Hear():
                assert action.start <= action.end
                self.hears.append(action)
            case MeasureOverlap():
                self.looks.append(action)
            case BeginReply():
                assert not [n for n in self.making if n not in self.cancelled], "one reply is made at a time"
                self.making[action.reply] = False
            case ReleaseReply():
                assert action.reply in self.making
                assert action.reply not in self.cancelled
                assert action.response_id == self.open
                self.released.add(action.reply)
            case CancelReply():
                self.cancelled.add(action.reply)
                self.making.pop(action.reply, None)
            case Send():
                self.sent(action.output)
            case _:
                pass

    def sent(self, output: object) -> None:
        if isinstance(output, ResponseStarted):
            assert self.open is None, "two responses at once"
            self.open = output.response_id
        elif isinstance(output, ResponseEnded):
            assert output.response_id == self.open, "a terminal without its response"
            assert output.response_id not in self.terminals
            self.terminals.add(output.response_id)
            self.open = None
            for number in [n for n in self.making if n in self.released]:
                del self.making[number]
        assert not isinstance(output, ResponseAudio)

    def later(self, step: int) -> int:
        target = self.at + step
        while due := [(at, kind) for kind, at in self.timers.items() if at <= target]:
            at, kind = min(due)
            del self.timers[kind]
            self.feed(TimerFired(max(at, self.at), kind))
        self.at = target
        return target

    @rule(step=STEP)
    def time_passes(self, step: int) -> None:
        self.later(step * 4)

    @rule(step=STEP)
    def voice_changes(self, step: int) -> None:
        at = self.later(step)
        self.voice = not self.voice
        self.feed(VoiceStarted(at, at - min(at, 900)) if self.voice else VoiceStopped(at, at - min(at, 1500)))

    @rule(step=STEP, text=TEXTS, index=st.integers(0, 9), fails=st.booleans())
    def hearing_answers(self, step: int, text: str, index: int, fails: bool) -> None:
        at = self.later(step)
        if not self.hears:
            return
        hear = self.hears[-1 - index % len(self.hears)]
        if fails:
            self.feed(HearingFailed(at, hear.turn, hear.revision, "recognition", "broke"))
        else:
            self.feed(Recognized(at, hear.turn, hear.revision, Transcript(text, final=hear.final)))

    @rule(step=STEP, completion=st.floats(0, 1), index=st.integers(0, 9))
    def pause_is_judged(self, step: int, completion: float, index: int) -> None:
        at = self.later(step)
        if self.hears:
            hear = self.hears[-1 - index % len(self.hears)]
            self.feed(PauseJudged(at, hear.turn, hear.revision, completion))

    @rule(text=TEXTS, echo=st.sampled_from([0.0, 0.9]), index=st.integers(0, 5))
    def overlap_is_measured(self, text: str, echo: float, index: int) -> None:
        if self.looks:
            self.feed(OverlapMeasured(self.at, self.looks[-1 - index % len(self.looks)].overlap, text, echo))

    @rule(step=STEP, stale=st.booleans(), played=st.integers(0, 24_000))
    def reply_speaks(self, step: int, stale: bool, played: int) -> None:
        at = self.later(step)
        number = max(self.cancelled, default=99) if stale else max(self.making, default=99)
        self.feed(Worded(at, number, SPOKEN))
        self.feed(Voiced(at, number, 24_000, 24_000, WORDS, True))
        if number in self.released:
            self.feed(Played(at, number, played))

    @precondition(lambda self: self.making)
    @rule(step=STEP, error=st.sampled_from([None, "broke"]))
    def reply_finishes(self, step: int, error: str | None) -> None:
        at = self.later(step)
        if self.making:
            self.feed(ReplyFinished(at, max(self.making), Usage(), error=error))
            self.making[max(self.making)] = True

    @rule(step=STEP)
    def reply_is_drained(self, step: int) -> None:
        for number in [n for n, finished in self.making.items() if finished and n in self.released]:
            self.feed(Drained(self.at, number, self.at + step))

    @rule(command=st.sampled_from([CommitAudio(), ClearAudio(), CreateResponse(), CancelResponse()]))
    def client_asks(self, command: object) -> None:
        self.feed(Commanded(self.at, command))  # type: ignore[arg-type]

    @rule(detection=DETECTIONS)
    def client_reconfigures(self, detection: SemanticVad | ServerVad | None) -> None:
        self.feed(Commanded(self.at, Configure(SessionConfig(turn_detection=detection))))

    @rule(text=TEXTS)
    def client_types(self, text: str) -> None:
        self.items += 1
        self.feed(Commanded(self.at, CreateItem(Item(f"i{self.items}", "user", "input_text", text))))

    @rule(index=st.integers(0, 20), ms=st.integers(-10, 2000), delete=st.booleans())
    def client_edits(self, index: int, ms: int, delete: bool) -> None:
        ids = [entry.item.id for entry in self.conversation.history]
        if ids:
            item = ids[index % len(ids)]
            self.feed(Commanded(self.at, DeleteItem(item) if delete else TruncateItem(item, 0, ms)))

    @rule(index=st.integers(0, 20), ms=st.integers(0, 2000))
    def client_comes_back(self, index: int, ms: int) -> None:
        ids = [entry.item.id for entry in self.conversation.history]
        if ids:
            self.feed(Commanded(self.at, Rejoin(ids[index % len(ids)], ms)))

    @invariant()
    def every_state_has_its_deadline(self) -> None:
        conversation = self.conversation
        if conversation.turns.phase is Phase.MAYBE_ENDED:
            assert TimerKind.COMMIT in self.timers
        if conversation.turns.phase is Phase.SPEAKING:
            assert TimerKind.PARTIAL in self.timers
        if conversation.turns.pending:
            assert TimerKind.HEARING in self.timers
        if conversation.overlaps.current is not None:
            assert TimerKind.OVERLAP in self.timers
        current = conversation.replies.current
        if current is not None and current.finish is None:
            assert TimerKind.REPLY in self.timers or conversation.turns.pending
        if conversation.replies.audible is not None and conversation.replies.audible.ended:
            assert TimerKind.PLAYBACK in self.timers

    @invariant()
    def the_history_holds_only_words_that_were_heard(self) -> None:
        for entry in self.conversation.history:
            if entry.item.role == "assistant" and entry.item.text:
                assert SPOKEN.startswith(entry.item.text.split("  ")[0]) or SPOKEN in entry.item.text

    def teardown(self) -> None:
        """Nobody speaks any more and nothing answers: every state is left by its deadline."""
        if not hasattr(self, "conversation"):
            return
        if self.voice:
            self.feed(VoiceStopped(self.at, self.at))
        for _ in range(60):
            self.later(32_000)
            for number in [n for n, finished in self.making.items() if finished and n in self.released]:
                self.feed(Drained(self.at, number, self.at))
        conversation = self.conversation
        assert conversation.turns.phase is Phase.IDLE
        assert not conversation.turns.pending
        assert conversation.overlaps.current is None
        assert conversation.replies.current is None
        assert conversation.replies.audible is None
        assert self.open is None, "a response without its terminal"


ConversationMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestConversationMachine = ConversationMachine.TestCase

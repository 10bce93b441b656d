"""The pure conversation, by tables of events and the actions they must give."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from affetto.models.base import Cues, EventSpan, SpokenWord, Transcript
from affetto.models.labels import Risk, VocalEvent
from affetto.pipelines.duplex.actions import (
    Action,
    BeginReply,
    CancelReply,
    Duck,
    Hear,
    Hold,
    ReleaseReply,
    Resume,
    Send,
    StartTimer,
    StopTimer,
)
from affetto.pipelines.duplex.commands import (
    CancelResponse,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    RetrieveItem,
    TruncateItem,
)
from affetto.pipelines.duplex.config import ResponseOptions, SemanticVad, ServerVad, SessionConfig
from affetto.pipelines.duplex.conversation import Conversation
from affetto.pipelines.duplex.events import (
    Appraised,
    Commanded,
    CuesRead,
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
from affetto.pipelines.duplex.making import plain_appraisal
from affetto.pipelines.duplex.outputs import (
    AudioCommitted,
    ItemAdded,
    ItemTruncated,
    Output,
    Rejected,
    ResponseEnded,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptFailed,
    Usage,
)
from affetto.pipelines.duplex.overlap import Verdict, judge

SECOND = 16_000
WORDS = (SpokenWord("I'm", 0, 6000), SpokenWord("here", 6000, 12_000), SpokenWord("for", 12_000, 18_000),
         SpokenWord("you.", 18_000, 24_000))  # fmt: skip


def final(text: str) -> Transcript:
    return Transcript(text, final=True, stable_chars=len(text))


@dataclass
class Stage:
    """Plays events to a conversation and keeps what it did; timers are kept as the session would."""

    conversation: Conversation
    at: int = 0
    actions: list[Action] = field(default_factory=list)
    timers: dict[TimerKind, int] = field(default_factory=dict)

    def feed(self, *events: object) -> list[Action]:
        did: list[Action] = []
        for event in events:
            self.at = max(self.at, event.at)  # type: ignore[attr-defined]
            did += self.conversation.receive(event)  # type: ignore[arg-type]
        for action in did:
            if isinstance(action, StartTimer):
                self.timers[action.kind] = action.at
            elif isinstance(action, StopTimer):
                self.timers.pop(action.kind, None)
        self.actions += did
        return did

    def fire(self, kind: TimerKind) -> list[Action]:
        at = self.timers.pop(kind)
        return self.feed(TimerFired(at, kind))

    def command(self, command: object) -> list[Action]:
        return self.feed(Commanded(self.at, command))  # type: ignore[arg-type]

    def turn(self, text: str, at: int, *, completion: float = 0.95) -> list[Action]:
        """A whole user turn of one second that ends surely."""
        number = 1 + sum(isinstance(o, SpeechStarted) for o in outputs(self.actions))
        did = self.feed(VoiceStarted(at + 1000, at), VoiceStopped(at + SECOND + 1500, at + SECOND))
        did += self.feed(PauseJudged(at + SECOND + 2000, number, 1, completion))
        did += self.feed(Recognized(at + SECOND + 2500, number, 1, final(text)))
        return did + self.fire(TimerKind.COMMIT)

    def speak(self, reply: int, *, played: int = 0) -> list[Action]:
        did = self.feed(
            Worded(self.at, reply, "I'm here for you."), Voiced(self.at, reply, 24_000, 24_000, WORDS, True)
        )
        return did + (self.feed(Played(self.at, reply, played)) if played else [])

    def finish(self, reply: int) -> list[Action]:
        did = self.feed(ReplyFinished(self.at, reply, Usage(10, 5)))
        return did + self.feed(Drained(self.at, reply, self.at + SECOND))


def stage(**config: object) -> Stage:
    return Stage(Conversation("t", replace(SessionConfig(), **config)))  # type: ignore[arg-type]


def outputs(actions: list[Action]) -> list[Output]:
    return [action.output for action in actions if isinstance(action, Send)]


def kinds(actions: list[Action]) -> list[str]:
    return [type(output).__name__ for output in outputs(actions)]


def one(actions: list[Action], kind: type) -> object:
    found = [a for a in [*actions, *outputs(actions)] if isinstance(a, kind)]
    assert len(found) == 1, (kind, actions)
    return found[0]


def test_a_spoken_turn_is_announced_in_the_order_clients_rely_on() -> None:
    play = stage()
    play.turn("hello there", SECOND)
    play.speak(1)
    play.finish(1)
    assert kinds(play.actions) == [
        "SpeechStarted", "SpeechStopped", "AudioCommitted", "ItemAdded", "TranscriptDelta", "TranscriptCompleted",
        "ResponseStarted", "ResponseEnded",
    ]  # fmt: skip
    ids = {o.item_id for o in outputs(play.actions) if isinstance(o, SpeechStarted | SpeechStopped | AudioCommitted)}
    assert len(ids) == 1
    added = one(play.actions, ItemAdded)
    assert isinstance(added, ItemAdded)
    assert added.item.id in ids
    assert added.item.text is None


def test_a_sure_pause_starts_a_reply_before_the_turn_has_ended_and_releases_that_one() -> None:
    play = stage()
    did = play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND))
    assert one(did, Hear).final  # type: ignore[attr-defined]
    did = play.feed(PauseJudged(SECOND + 2000, 1, 1, 0.95), Recognized(SECOND + 2500, 1, 1, final("I won")))
    begun = one(did, BeginReply)
    assert not outputs(did), "nothing of a speculative reply is visible"
    assert begun.request.situation.text == "I won"  # type: ignore[attr-defined]
    did = play.fire(TimerKind.COMMIT)
    assert one(did, ReleaseReply).reply == begun.reply  # type: ignore[attr-defined]
    assert play.conversation.replies.speculation.used == 1


def test_going_on_after_a_pause_drops_the_speculative_reply_without_a_trace() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.95))
    play.feed(Recognized(SECOND + 2500, 1, 1, final("I won")))
    did = play.feed(VoiceStarted(SECOND + 3500, SECOND + 3000))
    assert one(did, CancelReply).reply == 1  # type: ignore[attr-defined]
    assert TimerKind.COMMIT not in play.timers
    assert "ResponseStarted" not in kinds(play.actions)
    late = play.feed(Voiced(SECOND + 3600, 1, 100, 24_000, (), True))
    assert not late, "what a dropped reply still says is not heard"


def test_a_client_that_commits_a_turn_itself_gets_no_reply_that_was_begun_early() -> None:
    play = stage()
    play.feed(VoiceStarted(SECOND + 1000, SECOND), VoiceStopped(2 * SECOND + 1500, 2 * SECOND))
    play.feed(PauseJudged(2 * SECOND + 2000, 1, 1, 0.95), Recognized(2 * SECOND + 2500, 1, 1, final("yeah")))
    begun = one(play.actions, BeginReply).reply  # type: ignore[attr-defined]
    play.feed(ReplyFinished(play.at, begun, Usage(10, 5)))
    assert one(play.command(CommitAudio()), CancelReply).reply == begun  # type: ignore[attr-defined]
    assert play.conversation.quiet


def test_a_stale_judgement_or_transcript_changes_nothing() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND))
    play.feed(VoiceStarted(SECOND + 4000, SECOND + 3500), VoiceStopped(2 * SECOND + 1500, 2 * SECOND))
    before = dict(play.timers)
    assert not play.feed(PauseJudged(2 * SECOND + 1600, 1, 1, 0.99), Recognized(2 * SECOND + 1700, 1, 1, final("old")))
    assert play.timers == before


@pytest.mark.parametrize(("closure", "delay_ms"), [(0.99, 200), (0.8, 770), (0.01, 2000)])
def test_the_wait_for_more_depends_on_how_finished_it_sounded(closure: float, delay_ms: int) -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, closure))
    play.feed(Recognized(SECOND + 2500, 1, 1, replace(final("I lost my keys."), closure=closure)))
    assert play.timers[TimerKind.COMMIT] - SECOND == pytest.approx(delay_ms * 16, abs=100 * 16)


def test_while_the_words_are_awaited_the_turn_stays_open() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.99))
    assert play.timers[TimerKind.COMMIT] - SECOND > 2000 * 16
    play.feed(HearingFailed(SECOND + 2500, 1, 1, "recognition", "broke"))
    assert play.timers[TimerKind.COMMIT] - SECOND <= 300 * 16


def test_server_vad_waits_its_fixed_silence() -> None:
    play = stage(turn_detection=ServerVad(silence_duration_ms=700))
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.99))
    assert play.timers[TimerKind.COMMIT] == SECOND + 700 * 16


def test_words_that_come_after_the_commit_still_get_an_answer() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.95))
    play.fire(TimerKind.COMMIT)
    assert "ResponseStarted" not in kinds(play.actions)
    did = play.feed(Recognized(2 * SECOND, 1, 1, final("are you there")))
    assert kinds(did) == ["TranscriptDelta", "TranscriptCompleted", "ResponseStarted"]
    assert one(did, BeginReply).reply == one(did, ReleaseReply).reply  # type: ignore[attr-defined]


def test_noise_without_words_gets_no_answer() -> None:
    play = stage()
    play.turn("", SECOND)
    assert "ResponseStarted" not in kinds(play.actions)
    assert not any(isinstance(a, BeginReply) for a in play.actions)
    assert one(play.actions, TranscriptCompleted).transcript == ""  # type: ignore[attr-defined]


def test_a_cough_before_the_answer_is_heard_does_not_take_the_question_back() -> None:
    play = stage()
    play.turn("where is the station", SECOND)
    did = play.turn("", 3 * SECOND)
    assert one(did, ResponseEnded).status == "cancelled"  # type: ignore[attr-defined]
    assert one(did, BeginReply).request.situation.text == "where is the station"  # type: ignore[attr-defined]
    assert one(did, ReleaseReply)


def test_noise_ends_no_reply_that_nobody_may_interrupt() -> None:
    play = stage(turn_detection=SemanticVad(interrupt_response=False))
    play.turn("hello", SECOND)
    play.speak(1)
    did = play.turn("", 3 * SECOND)
    assert not any(isinstance(output, ResponseEnded) for output in outputs(did))
    did = play.finish(1)
    assert one(did, ResponseEnded).status == "completed"  # type: ignore[attr-defined]
    assert TimerKind.PLAYBACK in play.timers


def test_cancelling_a_reply_cuts_the_one_before_it_to_what_was_heard_of_that() -> None:
    play = stage(turn_detection=SemanticVad(interrupt_response=False))
    play.turn("hello", SECOND)
    play.speak(1, played=8000)
    play.finish(1)
    play.turn("are you there?", 3 * SECOND)
    play.command(CancelResponse())
    assert [entry.item.text for entry in play.conversation.history] == ["hello", "I'm", "are you there?", ""]


def test_words_heard_in_a_voice_too_short_for_any_get_no_answer() -> None:
    play = stage()
    play.feed(VoiceStarted(2000, 1000), VoiceStopped(4000, 1000 + 96 * 16), PauseJudged(4500, 1, 1, 0.95))
    play.feed(Recognized(5000, 1, 1, replace(final("Yeah."), closure=0.99)))
    play.fire(TimerKind.COMMIT)
    assert one(play.actions, TranscriptCompleted).transcript == ""  # type: ignore[attr-defined]
    assert not any(isinstance(action, BeginReply) for action in play.actions)


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("ha ha ha", False),
        ("Ugh!", False),
        ("Um...", False),
        ("Achoo!", False),
        ("Hehe.", False),
        ("AHAH!", False),
        ("Ahahah.", False),
        ("Aha.", True),
        ("He.", True),
        ("Um, my keys.", True),
        ("Oh.", True),
        ("Yeah.", True),
        ("Ha, that's funny.", True),
        ("Huh?", True),
    ],
)
def test_a_sound_is_no_turn_to_answer(text: str, answered: bool) -> None:
    play = stage()
    play.turn(text, SECOND)
    assert any(isinstance(action, BeginReply) for action in play.actions) is answered
    assert one(play.actions, TranscriptCompleted).transcript == (text if answered else "")  # type: ignore[attr-defined]


def spans(*events: tuple[VocalEvent, int, int]) -> Cues:
    return Cues(events=tuple(EventSpan(event, start, end, 0.8) for event, start, end in events))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("text", "cues", "answered"),
    [
        ("Oh.", spans((VocalEvent.COUGH, 1000, 13_000)), False),
        ("Oh.", spans((VocalEvent.COUGH, 1000, 7000), (VocalEvent.SNEEZE, 8000, 14_000)), False),
        ("Yes.", spans((VocalEvent.COUGH, 1000, 9000)), True),
        ("Oh.", spans((VocalEvent.SIGH, 1000, 13_000)), True),
        ("I have a cold.", spans((VocalEvent.COUGH, 1000, 13_000)), True),
        ("Oh.", Cues(), True),
    ],
)
def test_a_cough_is_no_turn_whatever_words_were_made_of_it(text: str, cues: Cues, answered: bool, late: bool) -> None:
    play = stage()
    play.feed(VoiceStarted(SECOND + 1000, SECOND), VoiceStopped(2 * SECOND + 1500, 2 * SECOND))
    read = CuesRead(2 * SECOND + 2500, 1, 1, cues)
    heard = Recognized(2 * SECOND + 2500, 1, 1, final(text))
    play.feed(PauseJudged(2 * SECOND + 2000, 1, 1, 0.95), *((heard, read) if late else (read, heard)))
    play.fire(TimerKind.COMMIT)
    assert ("ResponseStarted" in kinds(play.actions)) is answered


def test_minutes_of_speech_are_split_and_answered_once_as_a_whole() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0))
    while sum(isinstance(action, Hear) and action.final for action in play.actions) == 0:
        play.fire(TimerKind.PARTIAL)
    assert kinds(play.actions) == ["SpeechStarted", "SpeechStopped", "AudioCommitted", "ItemAdded", "SpeechStarted"]
    play.feed(Recognized(play.at + 10, 1, 1, final("It was a long day.")))
    assert "ResponseStarted" not in kinds(play.actions), "nobody is answered while they speak"
    end = play.at + SECOND
    play.feed(VoiceStopped(end + 1500, end), PauseJudged(end + 2000, 2, 1, 0.99))
    play.feed(Recognized(end + 2500, 2, 1, replace(final("And then I fell."), closure=0.99)))
    play.fire(TimerKind.COMMIT)
    begun = [action for action in play.actions if isinstance(action, BeginReply)]
    assert begun[-1].request.situation.text == "It was a long day. And then I fell."


def test_failed_recognition_is_told_and_answered_with_an_apology() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.95))
    play.fire(TimerKind.COMMIT)
    did = play.feed(HearingFailed(2 * SECOND, 1, 1, "recognition", "decoder broke"))
    assert one(did, TranscriptFailed).message == "decoder broke"  # type: ignore[attr-defined]
    assert "couldn't make that out" in one(did, BeginReply).request.line  # type: ignore[attr-defined]


def test_recognition_that_never_answers_is_given_up_in_time() -> None:
    play = stage()
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND + 1500, SECOND), PauseJudged(SECOND + 2000, 1, 1, 0.95))
    play.fire(TimerKind.COMMIT)
    did = play.fire(TimerKind.HEARING)
    assert one(did, TranscriptFailed)
    assert one(did, BeginReply)


def test_a_voice_over_ours_ducks_at_once_and_is_not_announced_yet() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    did = play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    assert one(did, Duck)
    assert not outputs(did)
    assert play.timers[TimerKind.OVERLAP] - play.at <= 60 * 16


@pytest.mark.parametrize("text", ["mhm", "Yeah.", "right, right", "Oh wow", ""])
def test_listening_sounds_do_not_stop_us(text: str) -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000), VoiceStopped(3 * SECOND + 6000, 3 * SECOND + 4000))
    did = play.feed(OverlapMeasured(3 * SECOND + 7000, 1, text, 0.0))
    assert one(did, Resume)
    assert not outputs(did)
    assert play.conversation.replies.active is not None


@pytest.mark.parametrize(
    ("text", "voiced_ms"),
    [("wait", 350), ("No, stop.", 500), ("yeah but what about", 800), ("I don't think so", 900), ("", 1000)],
)
def test_an_interruption_stops_us_and_becomes_the_turn(text: str, voiced_ms: int) -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1, played=13_000)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    did = play.feed(OverlapMeasured(3 * SECOND - 1000 + voiced_ms * 16, 1, text, 0.0))
    assert one(did, CancelReply).reply == 1  # type: ignore[attr-defined]
    ended = one(did, ResponseEnded)
    assert (ended.status, ended.reason) == ("cancelled", "turn_detected")  # type: ignore[attr-defined]
    assert ended.item.text == "I'm here"  # type: ignore[attr-defined]
    assert kinds(did) == ["ResponseEnded", "SpeechStarted"]
    assert [e.item.text for e in play.conversation.history] == ["hello", "I'm here"]


def test_our_own_voice_come_back_is_not_an_interruption() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    assert one(play.feed(OverlapMeasured(3 * SECOND + 3000, 1, "I'm here for", 0.9)), Resume)


@pytest.mark.parametrize(
    ("voiced_ms", "text", "echo", "over", "verdict"),
    [
        (480, "Do you want to do that?", False, True, Verdict.BACKCHANNEL),  # what Whisper made of "mm-hmm"
        (540, "Buh, buh, buh,", False, True, Verdict.NOISE),
        (1000, "Ha ha ha ha", False, False, Verdict.INTERRUPTION),
        (700, "how you may be", False, False, Verdict.UNSURE),
        (760, "how you may be", False, False, Verdict.INTERRUPTION),
        (400, "no no no", False, False, Verdict.INTERRUPTION),
        (1000, "yeah, right, okay", False, False, Verdict.UNSURE),
        (1000, "yeah, right, okay", False, True, Verdict.BACKCHANNEL),
        (1500, "yeah, right, okay", False, False, Verdict.INTERRUPTION),
        (2000, "I'm here for you", True, False, Verdict.ECHO),
        (200, "", False, True, Verdict.NOISE),
    ],
)
def test_what_a_voice_over_ours_is(voiced_ms: int, text: str, echo: bool, over: bool, verdict: Verdict) -> None:
    assert judge(voiced_ms, text, echo=echo, over=over) is verdict


def test_our_own_voice_all_the_time_neither_stops_us_nor_makes_us_stutter_and_still_lets_another_in() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    did = play.feed(OverlapMeasured(3 * SECOND + 8000, 1, "", 0.9, 500))
    assert one(did, Resume)
    for _ in range(40):
        did = play.fire(TimerKind.OVERLAP)
        assert not [action for action in did if isinstance(action, Hold | CancelReply)]
        play.feed(OverlapMeasured(play.at, 1, "", 0.9, 500))
    while play.at < 7 * SECOND:
        play.fire(TimerKind.OVERLAP)
        play.feed(OverlapMeasured(play.at, 1, "please stop", 0.2, 500))
        if play.conversation.overlaps.current is None:
            break
    assert one(play.actions, ResponseEnded).reason == "turn_detected"  # type: ignore[attr-defined]


def test_an_unclear_voice_silences_us_and_a_long_one_takes_the_floor() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    did: list[Action] = []
    for _ in range(30):
        if TimerKind.OVERLAP not in play.timers:
            break
        did += play.fire(TimerKind.OVERLAP)
    assert one(did, Hold)
    assert one(did, ResponseEnded)


def test_an_overlap_that_is_never_measured_lets_us_go_on() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000), VoiceStopped(3 * SECOND + 4000, 3 * SECOND + 3000))
    did: list[Action] = []
    for _ in range(40):
        if TimerKind.OVERLAP not in play.timers:
            break
        did += play.fire(TimerKind.OVERLAP)
    assert one(did, Resume)
    assert play.at - 3 * SECOND < 2 * SECOND


def supporting() -> Stage:
    """We are saying what is said in a crisis."""
    play = stage()
    play.turn("I want to die", SECOND)
    appraisal = replace(plain_appraisal(), risk=Risk.CRISIS)
    play.feed(Appraised(play.at, 1, appraisal))
    play.speak(1)
    return play


@pytest.mark.parametrize("text", ["wait", "no stop", "I don't want to hear it"])
def test_support_in_a_crisis_is_said_to_its_end_and_who_spoke_over_it_is_heard_then(text: str) -> None:
    play = supporting()
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    did = play.feed(OverlapMeasured(4 * SECOND, 1, text, 0.0))
    assert one(did, Resume)
    assert not outputs(did)
    assert not play.feed(VoiceStopped(4 * SECOND + 9000, 4 * SECOND + 8000))
    did = play.finish(1) + play.fire(TimerKind.PLAYBACK)
    assert kinds(did) == ["ResponseEnded", "SpeechStarted"]
    assert one(did, ResponseEnded).status == "completed"  # type: ignore[attr-defined]
    assert any(isinstance(a, Hear) and a.start <= 3 * SECOND - 1000 and a.final for a in did)
    assert TimerKind.COMMIT in play.timers


def test_an_unclear_voice_does_not_silence_support() -> None:
    play = supporting()
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000))
    did: list[Action] = []
    while TimerKind.OVERLAP in play.timers:
        did += play.fire(TimerKind.OVERLAP)
    assert not [a for a in did if isinstance(a, Hold | CancelReply)]
    assert one(did, Resume)
    assert play.conversation.replies.active is not None


def test_a_client_may_still_cancel_support() -> None:
    play = supporting()
    play.feed(VoiceStarted(3 * SECOND, 3 * SECOND - 1000), OverlapMeasured(3 * SECOND + 3000, 1, "stop", 0.0))
    did = play.command(CancelResponse())
    assert kinds(did) == ["ResponseEnded", "SpeechStarted"]


def test_truncation_keeps_just_the_heard_words_and_clamps_past_the_end() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    play.finish(1)
    item_id = one(play.actions, ResponseStarted).item_id  # type: ignore[attr-defined]
    did = play.command(TruncateItem(item_id, 0, 300))
    assert one(did, ItemTruncated).audio_end_ms == 300  # type: ignore[attr-defined]
    assert play.conversation.history.get(item_id).item.text == "I'm"
    assert one(play.command(TruncateItem(item_id, 0, 99_999)), ItemTruncated).audio_end_ms == 1000  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (TruncateItem("nope", 0, 5), "item_truncate_invalid_item_id"),
        (TruncateItem("user", 0, 5), "item_truncate_invalid_item_id"),
        (TruncateItem("user", 0, -5), "invalid_value"),
        (TruncateItem("user", 3, 5), "invalid_value"),
        (RetrieveItem("nope"), "item_retrieve_invalid_item_id"),
        (DeleteItem("nope"), "item_delete_invalid_item_id"),
        (CreateItem(Item("user", "user", "input_text", "again")), "item_create_duplicate_item_id"),
        (CreateItem(Item("x", "user", "input_text", "hi"), previous="nope"), "item_create_invalid_previous_item_id"),
        (CancelResponse(), "response_cancel_not_active"),
        (CommitAudio(), "input_audio_buffer_commit_empty"),
    ],
)
def test_requests_that_make_no_sense_are_refused_and_change_nothing(command: object, code: str) -> None:
    play = stage()
    play.command(CreateItem(Item("user", "user", "input_text", "hi")))
    before = list(play.conversation.history)
    did = play.command(replace(command, event_id="e1"))  # type: ignore[type-var]
    rejected = one(did, Rejected)
    assert (rejected.code, rejected.event_id) == (code, "e1")  # type: ignore[attr-defined]
    assert list(play.conversation.history) == before


def test_a_second_response_is_refused_with_the_event_id() -> None:
    play = stage()
    play.command(CreateItem(Item("u", "user", "input_text", "hi")))
    play.command(CreateResponse())
    rejected = one(play.command(CreateResponse(event_id="again")), Rejected)
    assert (rejected.code, rejected.event_id) == ("conversation_already_has_active_response", "again")  # type: ignore[attr-defined]


def test_a_text_turn_is_answered_in_text_when_asked() -> None:
    play = stage()
    play.command(CreateItem(Item("u", "user", "input_text", "hi")))
    did = play.command(CreateResponse(ResponseOptions(output_modality="text", metadata=(("k", "v"),))))
    started = one(did, ResponseStarted)
    assert (started.modality, started.metadata) == ("text", (("k", "v"),))  # type: ignore[attr-defined]
    play.feed(Worded(play.at, 1, "Hello."))
    ended = one(play.finish(1), ResponseEnded)
    assert (ended.status, ended.item.text, ended.item.kind) == ("completed", "Hello.", "output_text")  # type: ignore[attr-defined]


def test_manual_turns_answer_only_when_asked_and_wait_for_the_words() -> None:
    play = stage(turn_detection=None)
    play.feed(VoiceStarted(1000, 0), VoiceStopped(SECOND, SECOND - 1000))
    assert not play.actions, "voice edges mean nothing to a client that takes turns by hand"
    play.at = 2 * SECOND
    did = play.command(CommitAudio())
    assert kinds(did) == ["AudioCommitted", "ItemAdded"]
    did = play.command(CreateResponse())
    assert kinds(did) == ["ResponseStarted"]
    did = play.feed(Recognized(play.at + 100, 1, 1, final("what is up")))
    assert one(did, BeginReply).request.situation.text == "what is up"  # type: ignore[attr-defined]


def test_cancelling_ends_the_response_once_and_nothing_of_it_follows() -> None:
    play = stage()
    play.turn("hello", SECOND)
    play.speak(1)
    ended = one(play.command(CancelResponse()), ResponseEnded)
    assert (ended.status, ended.reason) == ("cancelled", "client_cancelled")  # type: ignore[attr-defined]
    assert not outputs(play.speak(1) + play.finish(1))


def test_a_stuck_reply_is_ended_by_its_deadline() -> None:
    play = stage()
    play.turn("hello", SECOND)
    ended = one(play.fire(TimerKind.REPLY), ResponseEnded)
    assert ended.status == "failed"  # type: ignore[attr-defined]


def test_two_turns_before_an_answer_are_answered_together() -> None:
    play = stage()
    play.turn("my dog died", SECOND)
    play.turn("last night", 4 * SECOND)
    begun = [a for a in play.actions if isinstance(a, BeginReply)]
    assert begun[-1].request.situation.text == "my dog died last night"
    assert [type(o).__name__ for o in outputs(play.actions)].count("ResponseStarted") == 2

"""Whole sessions in virtual time: sound and requests in, a timeline of outputs out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from affetto.models.base import (
    Appraisal,
    Baseline,
    ChatDelta,
    ChatOptions,
    Cues,
    Encoding,
    Message,
    Recognition,
    Samples,
    Situation,
    Speech,
    SpokenWord,
    Style,
    Transcript,
)
from affetto.models.cues.scripted import Options as CuesOptions
from affetto.models.cues.scripted import ScriptedCues
from affetto.models.errors import Failed
from affetto.models.labels import VoiceStyle
from affetto.models.store import Store
from affetto.pipelines.duplex import languages
from affetto.pipelines.duplex.backends import Backends
from affetto.pipelines.duplex.commands import CancelResponse, Command, CommitAudio, CreateItem, CreateResponse
from affetto.pipelines.duplex.config import EmpathyConfig, ServerVad, SessionConfig
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.duplex.making import plain_appraisal
from affetto.pipelines.duplex.outputs import (
    Backchannel,
    Failure,
    Notice,
    Output,
    ResponseAudio,
    ResponseEnded,
    ResponseStarted,
    ResponseText,
    ResponseWords,
    SpeechStarted,
    TranscriptCompleted,
    TranscriptFailed,
)
from affetto.pipelines.duplex.policy import DuplexPolicy
from affetto.pipelines.duplex.session import Session
from affetto.pipelines.duplex.writing import APOLOGY, MOMENTS, MORE, PATIENCE_S
from virtual import run

RATE = 24_000
STEP_S = 0.02


class LoudVAD:
    def stream(self) -> LoudVAD:
        return self

    def probability(self, frame: Samples) -> float:
        return float(np.abs(frame).max() > 0.01)


@dataclass
class Doubles:
    """Models that take the time they are told to, in virtual seconds."""

    text: str = "I lost my keys"
    completion: float = 0.95
    reply: str = "Oh no, your keys! Where did you last have them?"
    recognition_s: float = 0.2
    first_word_s: float = 0.3
    word_s: float = 0.05
    speech_s: float = 0.1
    fail: str = ""
    prompts: list[Sequence[Message]] = field(default_factory=list)
    prefills: list[str] = field(default_factory=list)
    seeds: list[int | None] = field(default_factory=list)
    grammars: list[str] = field(default_factory=list)
    silent: int = 0
    first_reply: str = ""
    generating: int = 0

    async def completion_of(self, audio: Samples) -> float:
        await asyncio.sleep(0.03)
        return self.completion

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        await asyncio.sleep(self.recognition_s)
        if self.fail == "recognition":
            raise Failed("the recogniser broke")
        loud = len(audio) > 0 and float(np.abs(audio).max()) > 0.01
        return Recognition(Transcript(self.text if loud else "", final=True))

    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        return Cues(style=(VoiceStyle.QUIET,))

    async def appraise(self, situation: Situation) -> Appraisal:
        if self.fail == "appraisal":
            raise Failed("the appraiser broke")
        return replace(plain_appraisal(), appraiser="double")

    async def chat(self, messages: Sequence[Message], options: ChatOptions) -> AsyncIterator[ChatDelta]:
        self.prompts.append(messages)
        self.prefills.append(options.prefill)
        self.seeds.append(options.seed)
        self.grammars.append(options.grammar)
        self.generating += 1
        try:
            await asyncio.sleep(self.first_word_s)
            reply = self.first_reply if self.first_reply and len(self.prompts) == 1 else self.reply
            for index, word in enumerate(reply.split() if len(self.prompts) > self.silent else ()):
                if self.fail == "chat" and index == 0:
                    raise Failed("the language model broke")
                await asyncio.sleep(self.word_s)
                yield ChatDelta((" " if index else "") + word)
            yield ChatDelta(finish="stop", prompt_tokens=9, completion_tokens=len(self.reply.split()))
        finally:
            self.generating -= 1

    async def speak(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        await asyncio.sleep(self.speech_s)
        if self.fail == "speech" or voice != "default":
            raise Failed("the synthesizer broke")
        words = text.split()
        timed = tuple(SpokenWord(word, i * RATE // 4, (i + 1) * RATE // 4) for i, word in enumerate(words))
        yield Speech(np.full(len(words) * RATE // 4, 1000, np.int16), RATE, timed)

    def backends(self) -> Backends:
        return Backends(
            vad=LoudVAD(),
            turn=_Named(completion=self.completion_of),
            recognizer=_Named(recognize=self.recognize),
            cues=_Named(extract=self.extract),
            appraiser=_Named(appraise=self.appraise),
            chat=_Named(stream=self.chat),
            synthesizer=_Named(stream=self.speak, rate_hz=RATE, voices=("default",)),
        )


class _Named:
    """An object with these attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


@dataclass
class Timeline:
    """What came out, and when (virtual seconds from the start)."""

    outputs: list[tuple[float, Output]]
    doubles: Doubles
    session: Session

    def of(self, *kinds: type) -> list[Any]:
        return [output for _, output in self.outputs if isinstance(output, kinds)]

    def when(self, kind: type, index: int = 0) -> float:
        return [at for at, output in self.outputs if isinstance(output, kind)][index]

    def names(self) -> list[str]:
        names = [type(o).__name__ for o in self.of(object)]
        return [name for i, name in enumerate(names) if not i or name != names[i - 1]]


def play(
    sound: Sequence[tuple[float, bool]],
    *,
    doubles: Doubles | None = None,
    config: SessionConfig | None = None,
    commands: Sequence[tuple[float, Command]] = (),
    openers: bool = False,
    whole_reply: bool = False,
) -> Timeline:
    """Stream sound in real time as (seconds, loud) stretches, with requests at given times."""
    models = doubles or Doubles()
    out: list[tuple[float, Output]] = []

    async def main() -> Session:
        loop = asyncio.get_running_loop()
        policy = DuplexPolicy(openers=openers, whole_reply=whole_reply)
        session = Session(models.backends(), config or SessionConfig(), session_id="s", policy=policy)

        async def read() -> None:
            async for output in session.outputs():
                out.append((loop.time(), output))

        async def ask() -> None:
            for at, command in commands:
                await asyncio.sleep(at - loop.time())
                session.command(command)

        async def speak() -> None:
            step = int(STEP_S * 16_000)
            for seconds, loud in sound:
                for _ in range(round(seconds / STEP_S)):
                    await asyncio.sleep(STEP_S)
                    session.push(np.full(step, 3000 if loud else 0, np.int16))
            session.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(session.run())
            tasks.create_task(read())
            tasks.create_task(ask())
            tasks.create_task(speak())
        assert len(asyncio.all_tasks()) == 1, "all tasks of a session end with it"
        return session

    return Timeline(out, models, run(main()))


def test_a_spoken_turn_gets_a_spoken_answer_within_a_beat() -> None:
    line = play([(0.5, False), (1.5, True), (6, False)])
    assert line.names() == [
        "SpeechStarted", "SpeechStopped", "AudioCommitted", "ItemAdded", "TranscriptDelta", "TranscriptCompleted",
        "ResponseStarted", "ResponseText", "ResponseWords", "ResponseAudio", "ResponseText", "ResponseWords",
        "ResponseAudio", "ResponseEnded",
    ]  # fmt: skip
    assert line.of(TranscriptCompleted)[0].transcript == "I lost my keys"
    assert "".join(o.text for o in line.of(ResponseText)) == line.doubles.reply
    assert line.of(ResponseEnded)[0].status == "completed"
    # 96 ms to see the pause, 200 recognition, 300 + 4 words to the first phrase, 100 synthesis: no wait beyond
    assert line.when(ResponseAudio) - 2.0 < 1.3


@pytest.mark.parametrize(
    ("delay_s", "heard", "later_s"), [(0.1, "whole", 0.0), (0.4, "none", 0.15), (3.0, "none", 0.15)]
)
def test_slow_cues_amend_the_turn_and_never_block_the_answer(delay_s: float, heard: str, later_s: float) -> None:
    def line(delay: float) -> Timeline:
        doubles = Doubles()
        scripted = ScriptedCues(CuesOptions(style=(VoiceStyle.QUIET,), delay_s=delay), Store())
        doubles.extract = scripted.extract  # type: ignore[method-assign]
        return play(
            [(0.5, False), (1.5, True), (6, False)],
            doubles=doubles,
            config=SessionConfig(empathy=EmpathyConfig(events=True)),
        )

    slow, quick = line(delay_s), line(0.1)
    assert slow.when(ResponseAudio) - quick.when(ResponseAudio) == pytest.approx(later_s, abs=STEP_S)
    assert slow.of(ResponseEnded)[0].empathy["cues"] == heard
    told = [(at, o) for at, o in slow.outputs if isinstance(o, Notice) and o.kind == "cues" and not o.fields["partial"]]
    assert [output.fields["style"] for _, output in told] == [["quiet"]]
    assert told[0][0] == pytest.approx(2.0 + 0.096 + 0.2 + delay_s, abs=0.05)


def test_words_are_told_before_their_sound_on_the_timeline_of_the_whole_answer() -> None:
    line = play([(0.5, False), (1.5, True), (6, False)])
    told = [word for output in line.of(ResponseWords) for word in output.words]
    assert [word.text for word in told] == line.doubles.reply.split()
    assert [word.start for word in told] == [i * RATE // 4 for i in range(len(told))]
    sent = 0
    for _, output in line.outputs:
        if isinstance(output, ResponseWords):
            assert output.words[0].start == sent
        sent += len(output.samples) if isinstance(output, ResponseAudio) else 0


def test_an_opener_sounds_while_the_model_still_reads_and_belongs_to_the_reply() -> None:
    slow = Doubles(first_word_s=1.5)
    line = play([(0.5, False), (1.5, True), (8, False)], doubles=slow, openers=True)
    opener = line.of(ResponseEnded)[0].empathy["appraisal"]["opener"]
    assert opener
    assert line.doubles.prefills[0].endswith("]\n")
    assert line.of(ResponseEnded)[0].item.text == f"{opener} {slow.reply}"
    assert "".join(o.text for o in line.of(ResponseText)) == f"{opener} {slow.reply}"
    # 96 ms to see the pause, 200 recognition, 100 synthesis
    assert line.when(ResponseAudio) - 2.0 < 0.5
    assert line.of(ResponseEnded)[0].empathy["first_phrase_ms"] == 250 * len(opener.split())


def test_a_reply_of_nothing_is_asked_for_again() -> None:
    doubles = Doubles(silent=2)
    line = play([(0.5, False), (1.5, True), (8, False)], doubles=doubles, openers=True)
    opener = line.of(ResponseEnded)[0].empathy["appraisal"]["opener"]
    assert line.of(ResponseEnded)[0].item.text == f"{opener} {doubles.reply}"
    assert [prefill.endswith(opener) for prefill in doubles.prefills] == [False, True, False]
    assert len(set(doubles.seeds)) == 3


def test_a_model_that_stays_silent_still_leaves_the_user_with_an_answer() -> None:
    line = play([(0.5, False), (1.5, True), (8, False)], doubles=Doubles(silent=9), openers=True)
    (ended,) = line.of(ResponseEnded)
    assert (ended.status, ended.item.text.endswith(MORE)) == ("completed", True)


def test_a_reply_that_begins_as_the_opener_did_is_asked_to_go_on_from_it() -> None:
    opener = (
        play([(0.5, False), (1.5, True), (8, False)], openers=True).of(ResponseEnded)[0].empathy["appraisal"]["opener"]
    )
    doubles = Doubles(first_reply=f"{opener} I am so sorry about your keys.")
    line = play([(0.5, False), (1.5, True), (8, False)], doubles=doubles, openers=True)
    assert [prefill.endswith(opener) for prefill in doubles.prefills] == [False, True]
    assert line.of(ResponseEnded)[0].item.text == f"{opener} {doubles.reply}"


def test_when_the_model_breaks_after_the_opener_we_say_so() -> None:
    line = play([(0.5, False), (1.5, True), (8, False)], doubles=Doubles(fail="chat"), openers=True)
    (ended,) = line.of(ResponseEnded)
    assert ended.item.text == f"{ended.empathy['appraisal']['opener']} {APOLOGY}"


def test_a_model_that_is_long_in_coming_is_excused_and_waited_for() -> None:
    slow = Doubles(first_word_s=7)
    line = play([(0.5, False), (1.5, True), (14, False)], doubles=slow, openers=True)
    (ended,) = line.of(ResponseEnded)
    assert ended.item.text in {f"{ended.empathy['appraisal']['opener']} {moment} {slow.reply}" for moment in MOMENTS}
    # 96 ms to see the pause, 200 recognition, 100 synthesis
    told = [(at, output.text.strip()) for at, output in line.outputs if isinstance(output, ResponseText)]
    excused = next(at for at, text in told if text in MOMENTS)
    assert excused - 2.0 < PATIENCE_S + 0.5


def test_who_reads_is_not_told_to_wait() -> None:
    config = SessionConfig(output_modality="text")
    line = play([(0.5, False), (1.5, True), (12, False)], doubles=Doubles(first_word_s=7), config=config)
    assert line.of(ResponseEnded)[0].item.text == line.doubles.reply


def test_the_silence_after_the_opener_is_told() -> None:
    slow = Doubles(first_word_s=3)
    line = play([(0.5, False), (1.5, True), (9, False)], doubles=slow, openers=True)
    ended = line.of(ResponseEnded)[0].empathy
    timings = ended["timings_ms"]
    expected = timings["second_audio"] - max(timings["first_audio"], timings["committed"]) - ended["first_phrase_ms"]
    assert ended["gap_ms"] == expected > 1000


def test_words_of_a_crisis_are_answered_at_the_next_breath() -> None:
    def answered(text: str) -> float:
        sound = [(0.5, False), (1.5, True), (9, False)]
        return play(sound, doubles=Doubles(text=text, completion=0.1)).when(ResponseStarted)

    assert answered("I want to kill myself and") - 2.0 < 1.0 < answered("I want to go home and") - 2.0


def test_words_of_a_crisis_that_the_next_pause_takes_back_hurry_nothing() -> None:
    doubles = Doubles(text="I want to kill myself and", completion=0.1)

    async def recognize(audio: Samples, **options: Any) -> Recognition:
        text = doubles.text if len(audio) < 2.3 * 16_000 else "I want to kiss my shelf and"
        return Recognition(Transcript(text, final=True))

    doubles.recognize = recognize  # type: ignore[method-assign]
    line = play([(0.5, False), (1.5, True), (0.5, False), (1.0, True), (9, False)], doubles=doubles)
    (ended,) = line.of(ResponseEnded)
    assert ended.empathy["appraisal"]["risk"] == "none"
    assert line.when(ResponseStarted) - 3.5 > 1.5


def test_audio_leaves_little_ahead_of_real_time() -> None:
    line = play([(0.5, False), (1.5, True), (8, False)])
    first = line.when(ResponseAudio)
    sent = 0.0
    for at, output in line.outputs:
        if isinstance(output, ResponseAudio):
            assert sent - (at - first) < 0.35
            sent += len(output.samples) / output.rate_hz


def test_a_pause_inside_a_sentence_is_not_answered() -> None:
    line = play([(0.5, False), (1.0, True), (1.2, False), (1.0, True), (5, False)], doubles=Doubles(completion=0.3))
    assert len(line.of(SpeechStarted)) == 1
    assert len(line.of(ResponseStarted)) == 1


def test_an_interruption_silences_us_at_once_and_the_history_holds_what_was_heard() -> None:
    doubles = Doubles(reply="One two three four five six seven eight nine ten eleven twelve.")
    line = play([(0.5, False), (1.5, True), (2.5, False), (1.5, True), (5, False)], doubles=doubles)
    first, second = line.of(ResponseEnded)
    assert (first.status, first.reason) == ("cancelled", "turn_detected")
    cut = line.when(ResponseEnded)
    late = [
        at for at, o in line.outputs if isinstance(o, ResponseAudio) and o.response_id == first.response_id and at > cut
    ]
    assert not late
    heard = first.item.text
    assert doubles.reply.startswith(heard)
    assert 0 < len(heard.split()) < 12
    assert any(message.content.endswith(heard) for message in doubles.prompts[-1]), (
        "the next prompt holds what was heard"
    )
    assert second.status == "completed"


def test_a_short_mhm_over_our_voice_does_not_stop_us() -> None:
    doubles = Doubles(reply="One two three four five six seven eight nine ten eleven twelve.")
    timeline = play([(0.5, False), (1.5, True), (2.0, False), (0.3, True), (6, False)], doubles=_mhm_after(doubles))
    assert [o.status for o in timeline.of(ResponseEnded)] == ["completed"]
    assert len(timeline.of(SpeechStarted)) == 1


def _mhm_after(doubles: Doubles) -> Doubles:
    """Hears "mhm" once a reply was begun."""
    recognize = doubles.recognize

    async def later(audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        if doubles.prompts and len(audio) < 16_000:
            return Recognition(Transcript("Mhm.", final=True))
        return await recognize(audio, language=language, prompt=prompt)

    doubles.recognize = later  # type: ignore[method-assign]
    return doubles


def test_speculation_drops_the_first_reply_when_the_user_goes_on_and_stops_its_generation() -> None:
    doubles = Doubles(completion=0.6, first_word_s=5.0)
    line = play([(0.5, False), (1.0, True), (0.7, False), (1.0, True), (9, False)], doubles=doubles)
    assert len(line.of(ResponseStarted)) == 1
    assert doubles.generating == 0
    assert line.session.conversation.replies.speculation.begun == 2
    assert line.session.conversation.replies.speculation.used == 1


def test_each_broken_part_still_gives_an_answer() -> None:
    for part in ("appraisal", "chat", "speech", "recognition"):
        line = play([(0.5, False), (1.5, True), (12, False)], doubles=Doubles(fail=part))
        ended = line.of(ResponseEnded)
        assert len(ended) == 1, part
        assert ended[0].item.text, part
        if part == "recognition":
            assert line.of(TranscriptFailed)


def test_a_typed_turn_is_answered_without_any_audio() -> None:
    item = Item("u", "user", "input_text", "hello")
    config = SessionConfig(output_modality="text")
    line = play([(3, False)], config=config, commands=[(0.1, CreateItem(item)), (0.2, CreateResponse())])
    assert [o.status for o in line.of(ResponseEnded)] == ["completed"]
    assert not line.of(ResponseAudio)


def test_a_turn_by_hand() -> None:
    config = SessionConfig(turn_detection=None)
    commands = [(2.0, CommitAudio()), (2.1, CreateResponse())]
    line = play([(0.5, False), (1.0, True), (8, False)], config=config, commands=commands)
    assert not line.of(SpeechStarted)
    assert [o.status for o in line.of(ResponseEnded)] == ["completed"]


@pytest.mark.parametrize("apart", [(1.5, 0.6), (0.2, 0.3), (0.1, 0.4)])
def test_twenty_interruptions_leave_nothing_behind(apart: tuple[float, float]) -> None:
    quiet, loud = apart
    line = play([(0.5, False), (1.0, True), (2.0, False)] + [(loud, True), (quiet, False)] * 20 + [(8, False)])
    started, ended = line.of(ResponseStarted), line.of(ResponseEnded)
    assert [o.response_id for o in started] == [o.response_id for o in ended]
    assert line.doubles.generating == 0
    over: set[str] = set()
    for output in line.of(ResponseAudio, ResponseText, ResponseEnded):
        assert output.response_id not in over, "something of a response after its end"
        over |= {output.response_id} if isinstance(output, ResponseEnded) else set()


def test_a_client_that_stops_sending_mid_word_is_still_answered() -> None:
    commands: list[tuple[float, Command]] = []
    doubles = Doubles()
    out: list[Output] = []

    async def main() -> None:
        session = Session(doubles.backends(), SessionConfig(), session_id="s")

        async def read() -> None:
            async for output in session.outputs():
                out.append(output)
                if isinstance(output, ResponseEnded):
                    session.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(session.run())
            tasks.create_task(read())
            session.push(np.full(16_000, 3000, np.int16))

    run(main())
    assert not commands
    assert any(isinstance(output, ResponseEnded) for output in out)


def test_a_burst_upload_is_heard_like_real_time_speech() -> None:
    out: list[Output] = []

    async def main() -> None:
        session = Session(Doubles(completion=0.3).backends(), SessionConfig(), session_id="s")

        async def read() -> None:
            async for output in session.outputs():
                out.append(output)
                if isinstance(output, ResponseEnded):
                    session.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(session.run())
            tasks.create_task(read())
            loud, quiet = np.full(16_000, 3000, np.int16), np.zeros(16_000, np.int16)
            session.push(np.concatenate([quiet, loud, quiet, loud, quiet, quiet, quiet, quiet, quiet]))

    run(main())
    assert len([o for o in out if isinstance(o, SpeechStarted)]) == 1, "the pause in the middle is one inside the turn"


def test_cancelling_by_request() -> None:
    line = play([(0.5, False), (1.5, True), (6, False)], commands=[(3.3, CancelResponse())])
    assert [(o.status, o.reason) for o in line.of(ResponseEnded)] == [("cancelled", "client_cancelled")]


def test_server_vad_settings_hold() -> None:
    config = SessionConfig(turn_detection=ServerVad(silence_duration_ms=1000))
    line = play([(0.5, False), (1.5, True), (6, False)], config=config)
    assert 2.95 < line.when(TranscriptCompleted) < 3.2


def test_we_listen_aloud_in_long_turns_for_clients_that_want_it() -> None:
    empathy = EmpathyConfig(events=True, backchannels=True)
    sound = [(0.5, False), (5.0, True), (0.6, False), (2.0, True), (0.6, False), (2.0, True), (4, False)]
    for config, expected in ((SessionConfig(empathy=empathy, voice="alloy"), 1), (SessionConfig(), 0)):
        line = play(sound, config=config, doubles=Doubles(completion=0.1))
        assert len(line.of(Backchannel)) == expected
        assert len(line.of(SpeechStarted)) == 1
        assert len(line.session.conversation.history) == 2


def test_the_common_way_speaks_only_when_the_whole_reply_is_there() -> None:
    first: dict[bool, float] = {}
    for whole in (False, True):
        doubles = Doubles()
        speak = doubles.speak

        async def in_two(text: str, *, voice: str, style: Style, speak: Any = speak) -> AsyncIterator[Speech]:
            async for speech in speak(text, voice=voice, style=style):
                yield speech
                await asyncio.sleep(1.0)
                yield speech

        doubles.speak = in_two  # type: ignore[method-assign]
        first[whole] = play([(0.5, False), (1.5, True), (9, False)], doubles=doubles, whole_reply=whole).when(
            ResponseAudio
        )
    assert first[True] - first[False] > 0.9


def test_who_speaks_another_language_is_told_what_we_speak() -> None:
    line = play(
        [(0.5, False), (1.5, True), (9, False)], doubles=Doubles(text="Hola, hoy estoy muy triste."), openers=True
    )
    assert line.of(ResponseEnded)[0].item.text == languages.SPOKEN_LINES[0]


def test_an_unsure_appraisal_is_written_by_the_model_while_the_opener_plays() -> None:
    unsure = replace(plain_appraisal(), confidence=0.3, appraiser="small")
    doubles = Doubles(reply="guilty 2; lost the keys again; comfort; validation; gentle]\nIt happens to good people.")
    doubles.appraise = lambda situation: _later(unsure)  # type: ignore[method-assign]
    line = play([(0.5, False), (1.5, True), (9, False)], doubles=doubles, openers=True)
    (ended,) = line.of(ResponseEnded)
    appraisal = ended.empathy["appraisal"]
    assert (appraisal["emotion"], appraisal["cause"], appraisal["appraiser"]) == (
        "guilty", "lost the keys again", "small+llm",
    )  # fmt: skip
    assert ended.item.text == f"{appraisal['opener']} It happens to good people."
    assert doubles.prefills == ["["]
    assert doubles.grammars[0].startswith("root ::=")


def test_a_model_that_writes_no_line_is_given_ours() -> None:
    unsure = replace(plain_appraisal(), confidence=0.3, appraiser="small")
    doubles = Doubles(first_reply="so]\nNo line at all.")
    doubles.appraise = lambda situation: _later(unsure)  # type: ignore[method-assign]
    line = play([(0.5, False), (1.5, True), (9, False)], doubles=doubles)
    assert line.of(ResponseEnded)[0].item.text == doubles.reply
    assert [prefill[:8] for prefill in doubles.prefills] == ["[", "[neutral"]


async def _later(appraisal: Appraisal) -> Appraisal:
    return appraisal


def test_audio_that_comes_faster_than_it_can_be_heard_is_dropped_from_the_oldest_and_said_so() -> None:
    async def main() -> tuple[float, list[Output]]:
        session = Session(Doubles().backends(), SessionConfig(turn_detection=None), session_id="s")
        for _ in range(4):
            session.push(np.zeros(10 * 16_000, np.int16))
        waiting_s = session.backlog_s
        running = asyncio.create_task(session.run())
        await asyncio.sleep(1)
        session.close()
        await running
        return waiting_s, [output async for output in session.outputs()]

    waiting_s, outputs = run(main())
    assert waiting_s == 30
    assert [output for output in outputs if isinstance(output, Failure)] == [
        Failure("input_audio_overflow", "Audio came faster than it can be heard; 10000 ms of the oldest were dropped.")
    ]

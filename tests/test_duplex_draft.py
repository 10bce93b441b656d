"""Recognition of a growing turn: words that were shown stay, and long speech costs in proportion to its length."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_duplex_session import Doubles, _Named

from affetto.models.base import HEARING_RATE_HZ, Encoding, Recognition, Samples, Transcript
from affetto.models.errors import Failed
from affetto.pipelines.duplex.actions import Hear
from affetto.pipelines.duplex.config import SessionConfig
from affetto.pipelines.duplex.draft import LONGEST_S, Draft, quiet_place
from affetto.pipelines.duplex.events import Event, Recognized
from affetto.pipelines.duplex.hearing import Hearing

S = HEARING_RATE_HZ
TEXTS = st.lists(st.sampled_from(["I", "lost", "my", "keys", "and", "then"]), max_size=6).map(" ".join)


def recognition(text: str) -> Recognition:
    return Recognition(Transcript(text, final=True), Encoding(np.ones((len(text), 4), np.float32), 320))


@given(st.lists(st.tuples(st.sampled_from(["partial", "pause", "settle"]), TEXTS), max_size=20))
def test_words_that_were_shown_as_stable_never_change(steps: list[tuple[str, str]]) -> None:
    draft, end, shown = Draft(0), 0, ""
    for kind, text in steps:
        end += 3 * S
        if kind == "partial":
            draft.go_on()
            told = draft.partial(recognition(text))
            stable = told.text[: told.stable_chars]
            assert stable.startswith(shown)
            shown = stable
        elif kind == "pause":
            draft.heard(end, recognition(text))
        else:
            draft.settle(end, recognition(text))
        assert draft.standing().text.startswith(shown)


def test_a_short_turn_is_decoded_whole_and_a_long_one_from_its_last_pause() -> None:
    draft = Draft(0)
    draft.heard(3 * S, recognition("I lost"))
    draft.go_on()
    assert draft.open_from == 0
    draft.heard(9 * S, recognition("I lost my keys."))
    draft.go_on()
    assert draft.open_from == 9 * S
    whole = draft.final(recognition("And then."))
    assert whole.transcript.text == "I lost my keys. And then."
    assert whole.encoding is not None
    assert len(whole.encoding.frames) == len("I lost my keys.") + len("And then.")


def test_open_speech_is_cut_where_it_is_quietest() -> None:
    audio = np.full(int(LONGEST_S * S), 0.1, np.float32)
    audio[11 * S : 11 * S + S // 3] = 0.0
    place = quiet_place(audio)
    assert place is not None
    assert 11 * S < place < 11 * S + S // 3
    assert quiet_place(audio[: 10 * S]) is None


@dataclass
class Counting:
    """A recogniser that says one word a second of audio, the second in which it was spoken, and counts its work."""

    decoded: int = 0
    broken: bool = False
    prompts: list[str] = field(default_factory=list)

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        self.decoded += len(audio)
        self.prompts.append(prompt)
        await asyncio.sleep(0)
        if self.broken:
            raise Failed("it broke")
        seconds = np.unique(np.round(audio * 1000).astype(int)[:: S // 10])
        return recognition(" ".join(str(second) for second in seconds if second))


def heard(minutes: float, *, pauses: bool) -> tuple[Counting, list[Event]]:
    """A turn of so many minutes in which second n sounds like n thousandths."""
    counting, posted = Counting(), list[Event]()
    backends = Doubles().backends()
    backends = type(backends)(**{**vars_of(backends), "recognizer": _Named(recognize=counting.recognize)})
    total = int(minutes * 60)
    sound = np.repeat(np.arange(1, total + 1, dtype=np.float32) / 1000, S)

    async def main() -> None:
        hearing = Hearing(backends, posted.append, lambda: 0)
        for second in range(1, total + 1):
            pause = pauses and second % 5 == 0
            await hearing.hear(Hear(1, second // 5, 0, second * S, pause), sound[: second * S], SessionConfig())
        await hearing.hear(Hear(1, 99, 0, total * S, True), sound, SessionConfig())

    asyncio.run(main())
    return counting, posted


def vars_of(backends: object) -> dict[str, object]:
    return {name: getattr(backends, name) for name in backends.__dataclass_fields__}  # type: ignore[attr-defined]


def test_three_minutes_cost_in_proportion_and_lose_no_word() -> None:
    for pauses in (True, False):
        short, _ = heard(1, pauses=pauses)
        long, posted = heard(3, pauses=pauses)
        assert long.decoded < 3.5 * short.decoded
        last = [event for event in posted if isinstance(event, Recognized)][-1].transcript
        words = last.text.split()
        assert [word for i, word in enumerate(words) if not i or word != words[i - 1]] == [
            str(second) for second in range(1, 181)
        ]
        assert any(prompt for prompt in long.prompts), "what was settled is told to the recogniser"


def test_a_partial_under_way_that_holds_all_words_serves_as_the_final() -> None:
    counting, posted = Counting(), list[Event]()
    backends = type(Doubles().backends())(
        **{**vars_of(Doubles().backends()), "recognizer": _Named(recognize=counting.recognize)}
    )
    sound = np.full(2 * S, 0.007, np.float32)

    async def main(voice_end: int) -> None:
        hearing = Hearing(backends, posted.append, lambda: 0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hearing.hear(Hear(1, 0, 0, 2 * S - 800, False), sound[:-800], SessionConfig()))
            await asyncio.sleep(0)
            tasks.create_task(hearing.hear(Hear(1, 1, 0, 2 * S, True, voice_end), sound, SessionConfig()))

    asyncio.run(main(2 * S - 1600))
    assert len(counting.prompts) == 1
    asyncio.run(main(2 * S - 400))
    assert len(counting.prompts) == 3
    finals = [event.transcript for event in posted if isinstance(event, Recognized) and event.transcript.final]
    assert [transcript.text for transcript in finals] == ["7", "7"]

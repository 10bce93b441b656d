"""While a client's line is broken its session's time stands still, and what did not arrive was not heard."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from test_duplex_conversation import SECOND, Stage, outputs, stage
from test_duplex_session import STEP_S, Doubles

from affetto.pipelines.duplex.clock import Stopwatch
from affetto.pipelines.duplex.commands import Rejoin
from affetto.pipelines.duplex.config import SessionConfig
from affetto.pipelines.duplex.events import Played, TimerKind, VoiceStarted
from affetto.pipelines.duplex.outputs import (
    Output,
    ResponseAudio,
    ResponseEnded,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
)
from affetto.pipelines.duplex.session import Session
from virtual import run

SAID = "I'm here for you."


def test_a_stopwatch_counts_only_the_time_in_which_it_runs() -> None:
    now = 10.0
    watch = Stopwatch(lambda: now)
    assert (watch.time(), watch.when(12)) == (10, 12)
    watch.stop()
    now = 15
    watch.stop()  # again: changes nothing
    assert (watch.time(), watch.when(12), watch.stopped) == (10, None, True)
    watch.go_on()
    watch.go_on()
    assert (watch.time(), watch.when(12), watch.stopped) == (10, 17, False)
    now = 17
    assert watch.time() == 12


Step = tuple[float, bool] | str
"""Sound as (seconds, loud), or "away" and "back", or "n seconds" in which nothing comes."""


def play(*steps: Step, doubles: Doubles | None = None) -> list[tuple[float, Output]]:
    """What comes out, and when; times are virtual seconds."""
    said: list[tuple[float, Output]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        session = Session((doubles or Doubles()).backends(), SessionConfig(), session_id="s")

        async def read() -> None:
            async for output in session.outputs():
                said.append((loop.time(), output))

        async def act() -> None:
            for step in steps:
                match step:
                    case "away":
                        session.pause()
                    case "back":
                        session.go_on()
                    case str():
                        await asyncio.sleep(float(step.split()[0]))
                    case seconds, loud:
                        for _ in range(round(seconds / STEP_S)):
                            await asyncio.sleep(STEP_S)
                            session.push(np.full(int(STEP_S * 16_000), 3000 if loud else 0, np.int16))
            session.close()

        async with asyncio.TaskGroup() as tasks:
            for work in (session.run(), read(), act()):
                tasks.create_task(work)

    run(main())
    return said


def of(said: list[tuple[float, Output]], kind: type) -> list[tuple[float, Output]]:
    return [(at, output) for at, output in said if isinstance(output, kind)]


def test_nothing_more_of_an_answer_leaves_while_nobody_is_there() -> None:
    said = play((0.5, False), (1.5, True), (2.0, False), "away", "30 s", "back", (8, False))
    audio = of(said, ResponseAudio)
    away = [at for at, _ in audio if 4.05 < at < 33.95]
    assert not away
    assert audio[0][0] < 4 < 34 < audio[-1][0]
    ended = [output for _, output in of(said, ResponseEnded)]
    assert [output.status for output in ended] == ["completed"]  # type: ignore[union-attr]


def test_an_answer_that_is_being_made_is_made_meanwhile() -> None:
    doubles = Doubles(first_word_s=2)
    said = play((0.5, False), (1.5, True), (1.0, False), "away", "30 s", "back", (8, False), doubles=doubles)
    first = next(at for at, _ in of(said, ResponseAudio) if at > 33)
    assert first < 33.2, "its first sound is there when the client is"


@pytest.mark.parametrize("pause_s", [0.0, 0.4])
def test_what_the_user_was_saying_is_still_being_said(pause_s: float) -> None:
    before: list[Step] = [(0.5, False), (1.0, True), (pause_s, False)]
    after: list[Step] = [(1.0, True), (6, False)]
    unsure = Doubles(completion=0.3)
    heard = []
    for steps in ([*before, *after], [*before, "away", "20 s", "back", *after]):
        said = play(*steps, doubles=unsure)
        assert len(of(said, SpeechStarted)) == len(of(said, SpeechStopped)) == 1
        heard += [output for _, output in of(said, TranscriptCompleted)]
    assert heard[0].seconds == pytest.approx(heard[1].seconds, abs=0.05)  # type: ignore[union-attr]


def test_a_session_can_end_while_its_client_is_away() -> None:
    said = play((0.5, False), (1.5, True), (2.0, False), "away", "5 s")
    ended = [output for _, output in of(said, ResponseEnded)]
    assert [output.status for output in ended] == ["cancelled"]  # type: ignore[union-attr]


# -- the conversation --------------------------------------------------------------------------------


def answered() -> Stage:
    """A turn, and an answer of a second that was sent whole and, as we thought, heard."""
    play = stage()
    play.turn("hello there", SECOND)
    play.speak(1, played=24_000)
    play.finish(1)
    return play


def said_by_us(play: Stage) -> str | None:
    return [entry.item for entry in play.conversation.history][-1].text


def item_id(play: Stage) -> str:
    return next(output.item.id for output in outputs(play.actions) if isinstance(output, ResponseEnded))


def test_what_arrives_late_can_still_be_interrupted() -> None:
    play = answered()
    play.fire(TimerKind.PLAYBACK)
    assert play.conversation.replies.audible is None
    play.command(Rejoin(item_id(play), 750))
    assert play.conversation.replies.audible is not None
    play.feed(Played(play.at + 100, 1, 12_500))
    play.feed(VoiceStarted(play.at + 200, play.at + 200))
    play.conversation.replies.interrupt("turn_detected")
    assert said_by_us(play) == "I'm here"


def test_what_arrives_late_is_heard_in_the_end() -> None:
    play = answered()
    play.command(Rejoin(item_id(play), 750))
    assert play.timers[TimerKind.PLAYBACK] == play.at + 12_000
    play.fire(TimerKind.PLAYBACK)
    assert play.conversation.replies.audible is None
    assert said_by_us(play) == SAID


def test_more_than_there_was_cannot_be_missed() -> None:
    play = answered()
    play.command(Rejoin(item_id(play), 10**6))
    assert play.conversation.replies.audible is not None
    assert play.conversation.replies.audible.played == 0


def test_an_answer_that_was_stopped_stays_stopped() -> None:
    play = answered()
    play.conversation.replies.interrupt("turn_detected")
    play.command(Rejoin(item_id(play), 500))
    assert play.conversation.replies.audible is None
    assert TimerKind.PLAYBACK not in play.timers


def test_an_answer_of_another_day_is_no_news() -> None:
    play = answered()
    play.fire(TimerKind.PLAYBACK)
    before = said_by_us(play)
    play.command(Rejoin("item_unknown", 500))
    assert play.conversation.replies.audible is None
    assert said_by_us(play) == before

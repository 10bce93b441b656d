"""The story that a session's trace tells: complete, in order, and only of what it can know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from test_duplex_session import Doubles

from affetto.models.base import Recognition, Samples, Transcript
from affetto.pipelines.duplex.chronicle import MOST_MARKS, MOST_TURNS, Chronicle
from affetto.pipelines.duplex.commands import Command, CreateItem, CreateResponse, DeleteItem
from affetto.pipelines.duplex.config import SessionConfig
from affetto.pipelines.duplex.events import PauseJudged
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.duplex.observe import Record, Stepped
from affetto.pipelines.duplex.outputs import Output
from affetto.pipelines.duplex.policy import DuplexPolicy
from affetto.pipelines.duplex.session import Session
from virtual import run

POLICY = DuplexPolicy(openers=False)
LONG = "One two three four five six seven eight nine ten eleven twelve."


def story(
    sound: Sequence[tuple[float, bool]],
    *,
    doubles: Doubles | None = None,
    commands: Sequence[tuple[float, Command]] = (),
) -> list[dict[str, Any]]:
    """The turns of a session in virtual time, as plain JSON."""
    told = Chronicle()

    def observe(record: Record) -> None:
        if isinstance(record, Stepped):
            told.step(record.event, record.actions)

    async def main() -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        models = doubles or Doubles()
        session = Session(models.backends(), SessionConfig(), session_id="s", policy=POLICY, observer=observe)
        outputs: list[Output] = []

        async def read() -> None:
            outputs.extend([output async for output in session.outputs()])

        async def ask() -> None:
            for at, command in commands:
                await asyncio.sleep(at - loop.time())
                session.command(command)

        async def speak() -> None:
            for seconds, loud in sound:
                for _ in range(round(seconds / 0.02)):
                    await asyncio.sleep(0.02)
                    session.push(np.full(320, 3000 if loud else 0, np.int16))
            session.close()

        async with asyncio.TaskGroup() as tasks:
            for work in (session.run(), read(), ask(), speak()):
                tasks.create_task(work)
        history = session.conversation.history
        return told.turns(lambda item_id: history.get(item_id).item.text if history.has(item_id) else None)

    turns: list[dict[str, Any]] = json.loads(json.dumps(run(main())))
    return turns


def whats(turn: dict[str, Any]) -> list[str]:
    return [mark["what"] for mark in turn["timeline"]]


def test_a_spoken_turn_is_told_whole() -> None:
    (turn,) = story([(0.5, False), (1.5, True), (6, False)])
    (said,) = turn["user"]
    assert (said["how"], said["text"]) == ("spoken", "I lost my keys")
    assert said["cues"]["style"] == ["quiet"]
    assert said["began_ms"] < said["ended_ms"] < said["committed_ms"] <= said["transcribed_ms"]
    response = turn["response"]
    assert response["status"] == "completed"
    assert response["text"] == response["heard"] == Doubles().reply
    assert response["appraisal"]["appraiser"] == "double"
    assert {"appraised", "first_words", "first_audio", "finished"} <= set(response["timings_ms"])
    assert response["speculative"] is bool(turn["speculations"])
    assert response["played_ms"] > 1000
    assert response["usage"]["output_tokens"] == 10
    expected = ["recognized", "pause_judged", "cues_read", "reply_begun", "appraised", "worded", "voiced"]
    assert [what for what in dict.fromkeys(whats(turn)) if what in expected]
    assert set(expected) <= set(whats(turn))
    times = [mark["at_ms"] for mark in turn["timeline"]]
    assert times == sorted(times)


def test_an_interruption_stands_with_the_turn_that_it_cut() -> None:
    first, second = story(
        [(0.5, False), (1.5, True), (2.5, False), (1.5, True), (6, False)], doubles=Doubles(reply=LONG)
    )
    assert first["response"]["status"] == "cancelled"
    assert LONG.startswith(first["response"]["heard"])
    assert 0 < len(first["response"]["heard"].split()) < 12
    assert first["overlaps"][0]["looks"][-1]["text"] == "I lost my keys"
    assert "ducked" in whats(first)
    assert second["response"]["heard"] == LONG


def test_a_murmur_over_our_voice_is_no_turn() -> None:
    doubles = Doubles(reply=LONG)
    recognize = doubles.recognize

    async def later(audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        if doubles.prompts and len(audio) < 16_000:
            return Recognition(Transcript("Mhm.", final=True))
        return await recognize(audio, language=language, prompt=prompt)

    doubles.recognize = later  # type: ignore[method-assign]
    (turn,) = story([(0.5, False), (1.5, True), (2.0, False), (0.3, True), (6, False)], doubles=doubles)
    assert turn["overlaps"][0]["looks"][-1]["text"] == "Mhm."
    assert whats(turn).index("ducked") < whats(turn).index("resumed")
    assert turn["response"]["heard"] == LONG


def test_a_speculation_in_vain_is_told() -> None:
    (turn,) = story(
        [(0.5, False), (1, True), (0.7, False), (1, True), (9, False)], doubles=Doubles(completion=0.6, first_word_s=5)
    )
    assert [speculation["outcome"] for speculation in turn["speculations"]] == ["dropped", "used"]


def test_typed_and_spoken_turns_are_told_alike() -> None:
    typed = Item("typed", "user", "input_text", "hello")
    spoken, written = story(
        [(0.5, False), (1.5, True), (12, False)], commands=[(8.0, CreateItem(typed)), (8.1, CreateResponse())]
    )
    assert [said["how"] for turn in (spoken, written) for said in turn["user"]] == ["spoken", "typed"]
    assert {"appraisal", "timings_ms", "text", "heard", "status"} <= set(written["response"]) & set(spoken["response"])


def test_a_broken_part_is_told() -> None:
    (turn,) = story([(0.5, False), (1.5, True), (12, False)], doubles=Doubles(fail="appraisal"))
    assert turn["response"]["degraded"] == ["appraisal: the appraiser broke"]
    assert "degraded" in whats(turn)


def test_an_item_that_was_deleted_is_not_heard() -> None:
    typed = Item("typed", "user", "input_text", "hello")
    commands = [(0.1, CreateItem(typed)), (0.2, CreateResponse()), (8.0, DeleteItem("item_s_2"))]
    (turn,) = story([(9, False)], commands=commands)
    assert turn["response"]["item_id"] == "item_s_2"
    assert turn["response"]["heard"] is None


def test_it_is_bounded() -> None:
    told = Chronicle()
    typed = [(0.2 * n, CreateItem(Item(f"t{n}", "user", "input_text", "x"))) for n in range(3)]
    (turn,) = story([(2, False)], commands=typed)
    assert len(turn["user"]) == 3
    told._open(0)
    for n in range(3 * MOST_MARKS):
        told.step(PauseJudged(n * 16, 1, 1, 0.5), ())
    (turn,) = told.turns(lambda _: None)
    assert len(turn["timeline"]) == MOST_MARKS
    assert turn["timeline"][-1]["at_ms"] == 3 * MOST_MARKS - 1
    for _ in range(2 * MOST_TURNS):
        told._open(0)
    assert len(told) == MOST_TURNS

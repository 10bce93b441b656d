"""What a session asks of its memory, and when: with consent only, and never before a turn counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from test_duplex_session import Doubles

from affetto.models.base import Appraisal, Situation
from affetto.pipelines.duplex.commands import Command, Configure, CreateItem, CreateResponse
from affetto.pipelines.duplex.config import EmpathyConfig, ResponseOptions, SessionConfig
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.duplex.memory import NOTHING, Recalled
from affetto.pipelines.duplex.outputs import Output, ResponseEnded
from affetto.pipelines.duplex.session import Session
from virtual import run

CONSENTED = SessionConfig(empathy=EmpathyConfig(memory=True, user="ana"))
REFUSED = SessionConfig(empathy=EmpathyConfig(user="ana"))


@dataclass
class Notebook:
    """A memory that writes down what it is asked."""

    answer: Recalled = NOTHING
    recalls: list[str] = field(default_factory=list)
    kept: list[tuple[str, str, bool]] = field(default_factory=list)
    withdrawn: int = 0
    ended: int = 0

    async def recall(self, user: str, situation: Situation) -> Recalled:
        self.recalls.append(situation.text)
        return self.answer

    def keep(self, user: str, situation: Situation, appraisal: Appraisal | None) -> None:
        self.kept.append((user, situation.text, appraisal is not None))

    def withdraw(self) -> None:
        self.withdrawn += 1

    def end(self) -> None:
        self.ended += 1


def hold(
    memory: Notebook,
    config: SessionConfig,
    *,
    sound: Sequence[tuple[float, bool]] = ((12, False),),
    commands: Sequence[tuple[float, Command]] = (),
    doubles: Doubles | None = None,
) -> list[ResponseEnded]:
    """A session in virtual time; gives how its responses ended."""
    ended: list[Output] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        backends = (doubles or Doubles()).backends()
        session = Session(backends, config, session_id="s", memory=memory)

        async def read() -> None:
            ended.extend([output async for output in session.outputs() if isinstance(output, ResponseEnded)])

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

    run(main())
    return [output for output in ended if isinstance(output, ResponseEnded)]


def typed(text: str, at: float) -> list[tuple[float, Command]]:
    item = Item(f"typed{at}".replace(".", ""), "user", "input_text", text)
    return [(at, CreateItem(item)), (at + 0.1, CreateResponse())]


SPOKEN = [(0.5, False), (1.5, True), (6.0, False)]


def test_without_consent_the_memory_is_not_even_asked() -> None:
    memory = Notebook()
    hold(memory, REFUSED, sound=SPOKEN)
    assert (memory.recalls, memory.kept) == ([], [])


def test_a_spoken_and_a_typed_turn_are_kept_alike() -> None:
    memory = Notebook()
    hold(memory, CONSENTED, sound=[*SPOKEN, (6, False)], commands=typed("My keys are back.", 8.0))
    assert memory.kept == [("ana", "I lost my keys", True), ("ana", "My keys are back.", True)]
    assert memory.ended == 1


def test_a_dropped_speculation_is_not_kept() -> None:
    memory, doubles = Notebook(), Doubles(completion=0.6, first_word_s=5.0)
    hold(memory, CONSENTED, sound=[(0.5, False), (1, True), (0.7, False), (1, True), (9, False)], doubles=doubles)
    assert len(memory.recalls) == 2
    assert len(memory.kept) == 1


def test_an_interrupted_answer_still_leaves_what_the_person_said() -> None:
    memory = Notebook()
    doubles = Doubles(reply="One two three four five six seven eight nine ten eleven twelve.")
    hold(memory, CONSENTED, sound=[(0.5, False), (1.5, True), (2.5, False), (1.5, True), (7, False)], doubles=doubles)
    assert len(memory.kept) == 2


def test_what_is_remembered_reaches_the_record() -> None:
    memory = Notebook(Recalled(("has a dog called Biscuit",), "Ana"))
    (ended,) = hold(memory, CONSENTED, sound=SPOKEN)
    assert ended.empathy is not None
    assert ended.empathy["recalled"] == ["has a dog called Biscuit"]


def test_a_memory_that_is_gone_is_told_and_the_answer_comes() -> None:
    (ended,) = hold(Notebook(Recalled(problem="the database is gone")), CONSENTED, sound=SPOKEN)
    assert ended.status == "completed"
    assert ended.empathy is not None
    assert ended.empathy["degraded"] == ["memory: the database is gone"]


@pytest.mark.parametrize("after", [REFUSED, replace(REFUSED, empathy=EmpathyConfig())])
def test_withdrawn_consent_stops_it_in_mid_session(after: SessionConfig) -> None:
    memory = Notebook()
    commands = [*typed("I work at a bakery.", 0.5), (5.0, Configure(after)), *typed("My dog died.", 6.0)]
    assert len(hold(memory, CONSENTED, commands=commands)) == 2
    assert memory.kept == [("ana", "I work at a bakery.", True)]
    assert memory.withdrawn == 1


def test_an_answer_outside_the_conversation_is_not_kept() -> None:
    memory = Notebook()
    aside = CreateResponse(ResponseOptions(conversation=False))
    hold(memory, CONSENTED, commands=[typed("Hello.", 0.5)[0], (0.6, aside)])
    assert memory.kept == []


@pytest.mark.parametrize("broken", ["appraisal", "chat", "speech"])
def test_a_broken_part_does_not_cost_the_memory(broken: str) -> None:
    memory = Notebook()
    hold(memory, CONSENTED, sound=[*SPOKEN, (6, False)], doubles=Doubles(fail=broken))
    assert len(memory.kept) == 1

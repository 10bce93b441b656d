"""Recalling and keeping in a running server: what comes up when, what is written under which consent, and trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.models.base import Appraisal, PastTurn, Situation
from affetto.models.embedding.scripted import Options, ScriptedEmbedder
from affetto.models.errors import Overloaded
from affetto.models.labels import Emotion, Need, Risk, Tactic, Tone
from affetto.models.store import Store
from affetto.pipelines.duplex.memory import Memory, Recalled
from affetto.pipelines.memory.database import Database, MemoryGone
from affetto.pipelines.memory.facts import Kind
from affetto.pipelines.memory.kept import Kept
from affetto.pipelines.memory.recall import told
from affetto.pipelines.memory.sealing import Sealer
from affetto.pipelines.memory.service import MemoryService, Remembering
from affetto.pipelines.memory.store import MemoryStore

DAY = 86_400.0


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def felt(emotion: Emotion = Emotion.SAD, intensity: int = 2, risk: Risk = Risk.NONE, cause: str = "") -> Appraisal:
    return Appraisal(emotion, intensity, cause, Need.COMFORT, False, risk, (Tactic.PARAPHRASING,), Tone.GENTLE)


def serve(folder: Path, work: Callable[[MemoryService, Clock], Awaitable[None]], **options: Any) -> None:
    """A service on a database in the folder."""

    async def main() -> None:
        clock = Clock(options.pop("now", Clock.now))
        store = MemoryStore(Database(f"sqlite:///{folder}/memory.db"), Sealer())
        embedder = options.pop("embedder", ScriptedEmbedder(Options(), Store()))
        async with MemoryService(store, embedder, clock=clock, **options) as service:
            await work(service, clock)

    asyncio.run(main())


def said(text: str, *before: str) -> Situation:
    return Situation(text, None, tuple(PastTurn(past, None, None, "Mm.") for past in before))


async def talk(service: MemoryService, *texts: str, user: str = "ana", owner: str = "", talk: str = "first") -> None:
    """A whole session in which these turns are said."""
    session = service.session(owner, talk)
    for text in texts:
        session.keep(user, Situation(text), felt())
    session.end()
    await service.settled()


async def known(service: MemoryService, user: str = "ana", owner: str = "") -> list[str]:
    return [kept.text for kept in await service.known(owner, user)]


def test_it_is_a_memory_for_sessions() -> None:
    made: Callable[..., Memory] = Remembering
    assert made is Remembering


def test_what_was_said_in_one_session_comes_up_in_the_next(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        await talk(service, "My name is Ana. I have a dog called Biscuit.", "I play the cello.")
        clock.now += 2 * DAY
        session = service.session("", "second")
        recalled = await session.recall("ana", said("Biscuit the dog ate my shoe"))
        assert recalled == Recalled(("has a dog called Biscuit",), "Ana")
        assert (await session.recall("ana", said("What a day it was"))).facts == ()
        assert await service.session("", "third").recall("ben", said("Biscuit the dog")) == Recalled()

    serve(tmp_path, work)


def test_one_thing_is_brought_up_once_in_a_conversation(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I have a dog called Biscuit.")
        session = service.session("", "second")
        situation = said("The dog, Biscuit, again")
        assert (await session.recall("ana", situation)).facts
        assert (await session.recall("ana", situation)).facts, "the first reply was never heard"
        session.keep("ana", situation, felt())
        assert (await session.recall("ana", said("The dog, Biscuit, once more"))).facts == ()
        await service.settled()
        (kept,) = await service.known("", "ana")
        assert kept.recalled_at == clock.now

    serve(tmp_path, work)


def test_what_was_said_a_moment_ago_is_not_news(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        session.keep("ana", said("I have a dog called Biscuit."), felt())
        await service.settled()
        assert (await session.recall("ana", said("Biscuit is a good dog"))).facts == ()

    serve(tmp_path, work)


@pytest.mark.parametrize(
    ("text", "before", "days", "brought_up"),
    [
        ("Hi, it's me again.", (), 3, "job interview on Friday, said 3 days ago"),
        ("Hi, it's me again.", (), 90, None),
        ("Hi, it's me again.", ("Hello.",), 3, None),
        ("Do you remember me?", (), 1, "job interview on Friday, said yesterday"),
        (
            "So the interview was a disaster, the job is gone",
            ("Hello.",),
            9,
            "job interview on Friday, said 9 days ago",
        ),
        ("It rains and rains", (), 3, None),
    ],
)
def test_a_plan_is_asked_about_when_its_person_comes_back(
    tmp_path: Path, text: str, before: tuple[str, ...], days: int, brought_up: str | None
) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I love frogs.", "I'm nervous about my job interview on Friday.")
        clock.now += days * DAY
        recalled = await service.session("", "second").recall("ana", said(text, *before))
        assert recalled.facts == (() if brought_up is None else (brought_up,))

    serve(tmp_path, work)


def test_without_a_name_for_the_person_nothing_is_kept(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        problem = (await session.recall("", said("Hello."))).problem
        assert problem is not None
        assert "session.empathy.user" in problem
        await talk(service, "I have a dog called Biscuit.", user="")

    serve(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


def test_withdrawing_drops_what_waits(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        session.keep("ana", said("I have a dog called Biscuit."), felt())
        session.withdraw()
        session.end()
        await service.settled()
        assert await service.store.export("", "ana") is None

    serve(tmp_path, work)


def test_a_session_that_runs_on_after_forgetting_keeps_nothing(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        session.keep("ana", said("I have a dog called Biscuit."), felt())
        await service.settled()
        session.keep("ana", said("I play the cello."), felt())
        assert await service.forget_all("", "ana") == 1
        session.keep("ana", said("I live in Leeds."), felt())
        assert (await session.recall("ana", said("Biscuit the dog"))).facts == ()
        session.end()
        await service.settled()
        assert await service.store.export("", "ana") is None
        session.withdraw()  # consent off and on again: a new one
        session.keep("ana", said("I live in Leeds."), felt())
        await service.settled()
        assert await known(service) == ["lives in Leeds"]

    serve(tmp_path, work)


def test_how_a_conversation_went_is_kept(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        for appraisal in (
            felt(Emotion.ANXIOUS, 3, cause="the interview"),
            felt(Emotion.SAD, 3, Risk.CRISIS, "words of a crisis"),
            felt(Emotion.RELIEVED, 1),
        ):
            session.keep("ana", said("Well."), appraisal)
            clock.now += 60
        session.end()
        await service.settled()
        whole = await service.store.export("", "ana")
        assert whole is not None
        (episode,) = whole["episodes"]
        assert episode["ended"] - episode["began"] == 180
        assert (episode["from"]["emotion"], episode["to"]["emotion"]) == ("anxious", "relieved")
        assert (episode["mattered"], episode["risk"], episode["turns"]) == ("the interview", "crisis", 3)
        assert [moment["cause"] for moment in whole["moments"]] == ["the interview", "", ""]

    serve(tmp_path, work)


def test_a_database_that_is_gone_costs_neither_the_answer_nor_what_was_said(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("a file where the folder was")

    async def work(service: MemoryService, clock: Clock) -> None:
        session = service.session("", "first")
        session.keep("ana", said("I have a dog called Biscuit."), felt())
        for _ in range(10_000):
            if service.problem is not None:
                break
            await asyncio.sleep(0)
        problem = (await session.recall("ana", said("Hello."))).problem
        assert problem is not None
        assert "cannot be reached" in problem
        come_back(folder)
        await service.settled()
        assert await known(service) == ["has a dog called Biscuit"]
        assert (await session.recall("ana", said("Hello."))).problem is None

    serve(folder, work)


async def fail_to_keep(service: MemoryService) -> None:
    service.session("", "first").keep("ana", said("I have a dog called Biscuit."), felt())
    for _ in range(100_000):
        if service.problem is not None:
            return
        await asyncio.sleep(0)


def test_what_waits_is_kept_as_soon_as_anybody_reaches_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affetto.pipelines.memory.service.RETRY_S", (3600.0,))
    folder = tmp_path / "data"
    folder.write_text("a file where the folder was")

    async def work(service: MemoryService, clock: Clock) -> None:
        await fail_to_keep(service)
        come_back(folder)
        clock.now += 6
        await known(service)
        async with asyncio.timeout(20):
            await service.settled()
        assert await known(service) == ["has a dog called Biscuit"]

    serve(folder, work)


def test_a_server_that_stops_tries_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affetto.pipelines.memory.service.RETRY_S", (3600.0,))
    folder = tmp_path / "data"
    folder.write_text("a file where the folder was")

    async def stops(service: MemoryService, clock: Clock) -> None:
        await fail_to_keep(service)
        come_back(folder)

    async def looks(service: MemoryService, clock: Clock) -> None:
        assert await known(service) == ["has a dog called Biscuit"]

    serve(folder, stops)
    serve(folder, looks)


def come_back(folder: Path) -> None:
    folder.unlink()
    folder.mkdir()


def test_after_a_failure_the_database_is_left_alone_for_a_while(tmp_path: Path) -> None:
    tries = []

    class Gone(MemoryStore):
        async def person(self, owner: str, user: str) -> None:
            tries.append(user)
            raise MemoryGone("it is gone")

    async def main() -> None:
        clock = Clock()
        store = Gone(Database(f"sqlite:///{tmp_path}/memory.db"), Sealer())
        async with MemoryService(store, ScriptedEmbedder(Options(), Store()), clock=clock) as service:
            session = service.session("", "first")
            for _ in range(3):
                assert (await session.recall("ana", said("Hello."))).problem == "it is gone"
            assert len(tries) == 1
            clock.now += 6
            await session.recall("ana", said("Hello."))
            assert len(tries) == 2

    asyncio.run(main())


def test_an_embedder_that_is_busy_costs_one_recollection(tmp_path: Path) -> None:
    class Busy(ScriptedEmbedder):
        busy = False

        async def embed(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
            if self.busy:
                raise Overloaded("the embedder has too much to do")
            return await super().embed(text)

    embedder = Busy(Options(), Store())

    async def work(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I have a dog called Biscuit.")
        session = service.session("", "second")
        embedder.busy = True
        assert (await session.recall("ana", said("Biscuit"))).problem == "the embedder has too much to do"
        embedder.busy = False
        assert (await session.recall("ana", said("Biscuit the dog"))).facts

    serve(tmp_path, work, embedder=embedder)


def test_what_is_past_its_time_is_forgotten_at_the_start(tmp_path: Path) -> None:
    async def first(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I have a dog called Biscuit.")

    async def later(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I play the cello.")
        assert await known(service) == ["plays the cello"]

    serve(tmp_path, first)
    serve(tmp_path, later, keep_s=365 * DAY, now=Clock.now + 400 * DAY)


def test_another_server_that_forgets_is_noticed(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        await talk(service, "I have a dog called Biscuit.")
        assert await known(service) == ["has a dog called Biscuit"]
        other = MemoryStore(Database(f"sqlite:///{tmp_path}/memory.db"), Sealer())
        await other.forget("", (await service.known("", "ana"))[0].id)
        await other.close()
        assert await known(service) == []

    serve(tmp_path, work)


def test_two_people_in_step_never_meet(tmp_path: Path) -> None:
    async def work(service: MemoryService, clock: Clock) -> None:
        people = [service.session("key", f"talk {name}") for name in ("ana", "ben")]
        for number in range(40):
            for name, session in zip(("ana", "ben"), people, strict=True):
                session.keep(name, said(f"I have a dog called {name.title()}{'x' * (number % 7)}."), felt())
        await service.settled()
        for name, other in (("ana", "Ben"), ("ben", "Ana")):
            session = service.session("key", "later")
            recalled = await session.recall(name, said(f"My dog called {other}"))
            assert other not in str(recalled)
            assert other not in str(await service.store.export("key", name))

    serve(tmp_path, work)


def test_a_passing_day_is_told_with_when_it_was_said() -> None:
    fact = Kept("f", Kind.PLAN, "flies tomorrow", 0.7, True, False, "t", 0.0, None, np.zeros(1, np.float32))
    ages = {0: "", 1: ", said yesterday", 5: ", said 5 days ago", 30: ", said 4 weeks ago", 90: ", said 3 months ago"}
    assert {days: told(fact, days * DAY + 60).removeprefix(fact.text) for days in ages} == ages

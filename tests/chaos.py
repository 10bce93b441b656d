"""Kills processes and lines at random while people talk, and counts what anybody loses: `make chaos`.

Two gateways behind one address, each a process of its own with scripted ears and voice and a language model in a child
process, share memory and sessions in PostgreSQL (in a SQLite file where that is not installed). Callers say a line, are
answered, and say another; each line holds something to remember. Gateways are killed, or stopped as by an operator, and
started again; so are models, the database, connections. Nothing that the memory has confirmed may be missing in the
end, nor any item of a session that was once written down; every call goes on, or ends with a reason that is told; no
gateway dies of anything but us.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cable import Cable, cable
from gateways import Gateway
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from affetto.clients.connection import Call, connect
from affetto.clients.errors import CallEnded, ClientError
from affetto.clients.lasting import LastingSocket
from affetto.models.embedding.scripted import WIDTH
from affetto.pipelines.duplex.carried import unpacked
from affetto.pipelines.memory.database import address
from affetto.pipelines.memory.sealing import Sealer
from affetto.server.handover import State
from affetto.server.handover_store import sessions as rows
from databases import Server as Postgres
from databases import postgresql

RECOVER_S = 90.0
BETWEEN_S = (0.2, 1.0)
"""From one kill to the next."""
ANSWER_S = 60.0
AGAIN_S = 3.0
BREATH_S = 1.0
"""Before a person goes on."""
LOOK_S = 0.5
"""How often we look at what is confirmed."""


@dataclass
class Toll:
    """What was killed, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    said: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    carried: int = 0
    """Of these, at the other gateway."""
    begun_anew: Counter[str] = field(default_factory=Counter)
    """Calls that could not go on, by the reason that they were told."""
    begun_anew_though_written: list[str] = field(default_factory=list)
    facts_confirmed: int = 0
    facts_lost: list[str] = field(default_factory=list)
    facts_never_confirmed: int = 0
    """Of lines that were answered, and had not been kept when their gateway was killed."""
    items_confirmed: int = 0
    items_lost: list[str] = field(default_factory=list)
    gateways_failed: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    recovered_s: float = 0.0

    @property
    def fine(self) -> bool:
        lost = [*self.facts_lost, *self.items_lost, *self.begun_anew_though_written]
        unanswered = sum(self.answers.values()) < self.said
        unreasoned = [reason for reason in self.begun_anew if "broke" in reason]
        return not (lost or unanswered or unreasoned or self.gateways_failed or self.tracebacks)

    def record(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "fine": self.fine}


class Written:
    """What stands in the database of the gateways' sessions."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(address(url))
        self.items: dict[str, set[str]] = {}
        """By session, all that was ever there."""
        self.epochs: dict[str, int] = {}

    async def look(self) -> None:
        try:
            async with self._engine.connect() as connection:
                found = (await connection.execute(select(rows.c.id, rows.c.epoch, rows.c.state))).all()
        except (SQLAlchemyError, OSError):
            return  # it was killed, or nothing was written yet
        for row in found:
            state = State.model_validate_json(Sealer().open(bytes(row.state)))
            entries = unpacked(state.conversation.encode()).entries
            self.items.setdefault(row.id, set()).update(entry.item.id for entry in entries)
            self.epochs[row.id] = row.epoch

    async def close(self) -> None:
        await self._engine.dispose()


class Chaos:
    """One run."""

    def __init__(self, gateways: list[Gateway], line: Cable, database: Postgres | None, url: str, seed: int) -> None:
        self.toll = Toll()
        self._gateways, self._line, self._database = gateways, line, database
        self._random = random.Random(seed)
        self._over = asyncio.Event()
        self._said: dict[str, list[str]] = {}
        self._confirmed: dict[str, set[str]] = {}
        self._written = Written(url)
        self._returning: asyncio.Future[None] | None = None

    async def run(self, kills: int, sessions: int) -> Toll:
        async with asyncio.TaskGroup() as tasks:
            for index in range(sessions):
                tasks.create_task(self._talk(f"person{index}"))
            watching = tasks.create_task(self._watch())
            await asyncio.sleep(1.0)
            await self._kill(kills)
            self._over.set()
            watching.cancel()
        await self._count()
        await self._written.close()
        return self.toll

    # -- people ------------------------------------------------------------------------------------

    async def _talk(self, person: str) -> None:
        """One call after another, until all is over."""
        while not self._over.is_set():
            try:
                await self._call(person)
            except CallEnded as ended:
                self.toll.begun_anew[str(ended)] += 1
            except ClientError:  # nobody is let in while the line is down
                await asyncio.sleep(0.1)

    async def _call(self, person: str) -> None:
        url = f"ws://127.0.0.1:{self._line.port}"
        async with connect(url, resume=True, empathy={"memory": True, "user": person}) as call:
            session_id = call.session["id"].removeprefix("sess_")
            try:
                while not self._over.is_set():
                    await self._turn(call, person)
                await self._check(call, session_id)
            except CallEnded as ended:
                if session_id in self._written.items:
                    self.toll.begun_anew_though_written.append(f"{session_id}: {ended}")
                raise
            finally:
                assert isinstance(call._socket, LastingSocket)
                self.toll.resumed += call._socket.resumed

    async def _turn(self, call: Call, person: str) -> None:
        thing = _word(len(self._said.setdefault(person, [])))
        self.toll.said += 1
        try:
            await call.say(f"I love {thing}.", spoken=self._random.random() < 0.5)
            answer = await self._answer(call)
        except CallEnded:
            self.toll.answers["told that the call has ended"] += 1
            raise
        except TimeoutError:
            raise CallEnded(f"the line broke: no answer in {ANSWER_S:g} s") from None
        self._said[person].append(thing)
        self.toll.answers[answer] += 1
        await asyncio.sleep(BREATH_S)

    async def _answer(self, call: Call) -> str:
        """One that is cut off counts, unless another comes: a call that goes on elsewhere says its last line again."""
        status = await self._done(call, ANSWER_S)
        while status == "cancelled":
            try:
                status = await self._done(call, AGAIN_S)
            except TimeoutError:
                return status
        return status

    async def _done(self, call: Call, most_s: float) -> str:
        async with asyncio.timeout(most_s) as deadline:
            async for event in call:
                if event["type"] == "error":
                    self.toll.errors[event["error"].get("code", "")] += 1
                elif event["type"] == "response.created":
                    deadline.reschedule(asyncio.get_running_loop().time() + ANSWER_S)
                elif event["type"] == "response.done":
                    return str(event["response"]["status"])
        raise CallEnded(call._farewell())

    async def _check(self, call: Call, session_id: str) -> None:
        """Ask for every item that was once written down."""
        missing = set(self._written.items.get(session_id, ()))
        self.toll.items_confirmed += len(missing)
        for item_id in list(missing):
            await call.send("conversation.item.retrieve", item_id=item_id, event_id=item_id)
        asked = len(missing)
        async with asyncio.timeout(ANSWER_S):
            while asked:
                event = await anext(call)
                if event["type"] == "conversation.item.retrieved":
                    missing.discard(event["item"]["id"])
                    asked -= 1
                elif event["type"] == "error" and event["error"].get("event_id"):
                    asked -= 1
        self.toll.items_lost += [f"{session_id} {item_id}" for item_id in sorted(missing)]

    # -- what is killed ----------------------------------------------------------------------------

    async def _kill(self, kills: int) -> None:
        for _ in range(kills):
            name, way = self._next()
            done = await asyncio.to_thread(way)
            self.toll.kills[name if done is not False else "nothing there to kill"] += 1
            failed = [gateway for gateway in self._gateways if gateway.up and gateway.dead]
            if failed:
                self.toll.gateways_failed.append(f"died after: {name}")
                return
            await asyncio.sleep(self._random.uniform(*BETWEEN_S))
        if self._returning is not None:
            await self._returning

    def _next(self) -> tuple[str, Callable[[], Any]]:
        """Mostly a gateway, where both are there: the rest while one is away."""
        if all(gateway.up for gateway in self._gateways) and self._random.random() < 0.8:
            gateway = self._random.choice(self._gateways)
            loop = asyncio.get_running_loop()
            name, way = self._random.choice([("gateway killed", self._killed), ("gateway stopped", self._stopped)])
            gateway.up = False
            self._returning = loop.run_in_executor(None, way, gateway)
            return name, lambda: None
        ways: list[tuple[str, Callable[[], Any]]] = [
            ("language model killed", self._kill_model),
            ("language model hung", self._hang_model),
            ("all lines cut", self._line.cut),
        ]
        if self._database is not None:
            ways += [("database killed", self._kill_database), ("database connection killed", self._kill_backend)]
        return self._random.choice(ways)

    def _killed(self, gateway: Gateway) -> None:
        gateway.kill()
        self._again(gateway)

    def _stopped(self, gateway: Gateway) -> None:
        problem = gateway.stop()
        if problem is not None:
            self.toll.gateways_failed.append(problem)
        self._again(gateway)

    def _again(self, gateway: Gateway) -> None:
        gateway.start()
        gateway.wait_until_up()

    def _kill_model(self) -> bool:
        return _signalled(self._a_model(), signal.SIGKILL)

    def _hang_model(self) -> bool:
        """For half a second: long enough for a reply to notice."""
        pid = self._a_model()
        hung = _signalled(pid, signal.SIGSTOP)
        time.sleep(0.5)
        _signalled(pid, signal.SIGCONT)
        return hung

    def _a_model(self) -> int | None:
        return self._random.choice([gateway for gateway in self._gateways if gateway.up]).model

    def _kill_backend(self) -> bool:
        assert self._database is not None
        found = [path.read_text().split() for path in Path(f"/proc/{self._database.pid}/task").glob("*/children")]
        children = [int(pid) for pids in found for pid in pids]
        return _signalled(self._random.choice(children), signal.SIGKILL) if children else False

    def _kill_database(self) -> bool:
        assert self._database is not None
        killed = _signalled(self._database.pid, signal.SIGKILL)
        time.sleep(0.3)
        for _ in range(20):
            try:
                self._database.start()
                return killed
            except AssertionError:  # its children are still leaving
                time.sleep(0.5)
        raise RuntimeError("the database does not come back")

    # -- what is left ------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """What the memory shows is confirmed, and so is what stands in a session's row."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            while True:
                await self._written.look()
                for person in list(self._said):
                    self._confirmed.setdefault(person, set()).update(await self._remembered(http, person))
                await asyncio.sleep(LOOK_S)

    async def _remembered(self, http: httpx.AsyncClient, person: str) -> set[str]:
        for gateway in self._gateways:
            try:
                answer = await http.get(f"http://127.0.0.1:{gateway.port}/v1/memory", params={"user": person})
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                return {fact["text"] for fact in answer.json()["data"]}
        return set()

    async def _count(self) -> None:
        """Wait until the gateways are well again, and all that was confirmed is there."""
        began = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            while time.monotonic() - began < RECOVER_S:
                well = [await asyncio.to_thread(gateway.well) for gateway in self._gateways]
                kept = {person: await self._remembered(http, person) for person in self._said}
                self.toll.facts_lost = [
                    f"{person} {fact}"
                    for person, facts in self._confirmed.items()
                    for fact in sorted(facts - kept[person])
                ]
                if not self.toll.facts_lost and all(well):
                    break
                await asyncio.sleep(LOOK_S)
        self.toll.recovered_s = round(time.monotonic() - began, 1)
        self.toll.facts_confirmed = sum(map(len, self._confirmed.values()))
        wanted = {(person, f"loves {thing}") for person, said in self._said.items() for thing in said}
        self.toll.facts_never_confirmed = sum(fact not in kept[person] for person, fact in wanted)
        self.toll.carried = sum(epoch - 1 for epoch in self._written.epochs.values())
        self.toll.gateways_failed += ["died at the end" for gateway in self._gateways if gateway.dead]
        self.toll.tracebacks = [found for gateway in self._gateways for found in gateway.tracebacks]


def _signalled(pid: int | None, number: int) -> bool:
    try:
        os.kill(pid or 0, number) if pid else None
    except ProcessLookupError:
        return False
    return pid is not None


def _words() -> Iterator[str]:
    """Made-up things, no two of which the scripted embedding takes for the same."""
    taken = {zlib.crc32(b"loves") % WIDTH}
    for letters in itertools.product("aeiou", "bdfgk", "aeiou", "lmnrt"):
        word = f"{''.join(letters)}orps"
        place = zlib.crc32(word.encode()) % WIDTH
        if place not in taken:
            taken.add(place)
            yield word


WORDS = list(_words())


def _word(number: int) -> str:
    return WORDS[number % len(WORDS)]


@contextmanager
def _memory(folder: Path) -> Iterator[tuple[str, Postgres | None]]:
    try:
        with postgresql() as database:
            yield database.url, database
    except pytest.skip.Exception:
        yield f"sqlite:///{folder / 'memory.db'}", None


@contextmanager
def _gateways(folder: Path, url: str) -> Iterator[list[Gateway]]:
    made = [Gateway(folder, name, url) for name in ("first", "second")]
    try:
        for gateway in made:
            gateway.wait_until_up()
        yield made
    finally:
        for gateway in made:
            gateway.close()


def chaos(kills: int, sessions: int, seed: int) -> Toll:
    """So many kills while so many people talk."""
    with (
        tempfile.TemporaryDirectory(prefix="affetto-chaos-") as name,
        _memory(Path(name)) as (url, database),
        _gateways(Path(name), url) as gateways,
        cable(*(gateway.port for gateway in gateways)) as line,
    ):

        async def main() -> Toll:
            return await Chaos(gateways, line, database, url, seed).run(kills, sessions)

        return asyncio.run(main())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    toll = chaos(args.kills, args.sessions, args.seed)
    print(json.dumps(toll.record(), indent=1))
    return 0 if toll.fine else 1


if __name__ == "__main__":
    sys.exit(main())

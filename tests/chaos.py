"""Kills processes and lines at random while people talk, and counts what anybody loses: `make chaos`.

The gateway is a process of its own with scripted ears and voice, a language model in a child process, and its memory in
PostgreSQL (in a SQLite file where that is not installed). Callers write a line, are answered, and write another; each
line holds something to remember. Nothing that the memory has confirmed may be missing in the end, nor anything else
that was said; every call goes on, or ends with a reason and another takes its place; the gateway never dies.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
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

from affetto.clients.connection import Call, connect
from affetto.clients.errors import CallEnded, ClientError
from affetto.models.embedding.scripted import WIDTH
from databases import Server as Postgres
from databases import postgresql

START_S, RECOVER_S = 60.0, 90.0
BETWEEN_S = (0.2, 1.0)
"""From one kill to the next."""
ANSWER_S = 60.0
BREATH_S = 1.0
"""Before a person goes on."""


@dataclass
class Toll:
    """What was killed, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    farewells: Counter[str] = field(default_factory=Counter)
    confirmed: int = 0
    said: int = 0
    lost: list[str] = field(default_factory=list)
    gateway_died: bool = False
    tracebacks: list[str] = field(default_factory=list)
    recovered_s: float = 0.0

    @property
    def fine(self) -> bool:
        unanswered = sum(self.answers.values()) < self.said
        broken = [farewell for farewell in self.farewells if "broke" in farewell]
        return not (self.lost or self.gateway_died or self.tracebacks or unanswered or broken)

    def record(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "fine": self.fine}


class Gateway:
    """The process under test."""

    def __init__(self, folder: Path, memory_url: str) -> None:
        self._log = folder / "log"
        self._port_file = folder / "port"
        given = {
            "llm.backend": "faulty:FakeLlama",
            "memory.url": memory_url,
            "duplex.openers": "false",
            "server.admission": "false",
            "server.sessions_per_address": "1000",
            "server.requests_per_s": "10000",
            "tts.options.word_s": "0.02",
        }
        command = [sys.executable, "-m", "affetto.server", "serve", "--profile", "scripted", "--port", "0"]
        command += ["--port-file", str(self._port_file)]
        command += [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment)

    @property
    def port(self) -> int:
        deadline = time.monotonic() + START_S
        while not (self._port_file.exists() and self._port_file.read_text()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the gateway does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)
        return int(self._port_file.read_text())

    @property
    def model(self) -> int | None:
        """The language model's process."""
        pid = self.process.pid
        children = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return next((int(child) for found in children for child in found), None)

    @property
    def tracebacks(self) -> list[str]:
        """Bugs, as they stand in its log."""
        return self._log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Chaos:
    """One run."""

    def __init__(self, gateway: Gateway, line: Cable, database: Postgres | None, seed: int) -> None:
        self.toll = Toll()
        self._gateway, self._line, self._database = gateway, line, database
        self._random = random.Random(seed)
        self._over = asyncio.Event()
        self._said: dict[str, list[str]] = {}
        self._confirmed: dict[str, set[str]] = {}
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False, timeout=10)

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
        await self._http.aclose()
        return self.toll

    # -- people ------------------------------------------------------------------------------------

    async def _talk(self, person: str) -> None:
        """One call after another, until all is over."""
        while not self._over.is_set():
            try:
                url = f"ws://127.0.0.1:{self._line.port}"
                async with connect(url, resume=True, empathy={"memory": True, "user": person}) as call:
                    while not self._over.is_set():
                        await self._turn(call, person)
            except CallEnded as ended:
                self.toll.farewells[str(ended)] += 1
            except ClientError:  # nobody is let in while the line is down
                await asyncio.sleep(0.1)

    async def _turn(self, call: Call, person: str) -> None:
        thing = _word(len(self._said.setdefault(person, [])))
        await call.say(f"I love {thing}.", spoken=False)
        self.toll.said += 1
        async with asyncio.timeout(ANSWER_S):
            async for event in call:
                if event["type"] == "error":
                    self.toll.errors[event["error"].get("code", "")] += 1
                if event["type"] == "response.done":
                    self._said[person].append(thing)
                    self.toll.answers[event["response"]["status"]] += 1
                    await asyncio.sleep(BREATH_S)
                    return

    # -- what is killed ----------------------------------------------------------------------------

    async def _kill(self, kills: int) -> None:
        ways: list[tuple[str, Callable[[], Any]]] = [
            ("language model killed", self._kill_model),
            ("language model hung", self._hang_model),
            ("all lines cut", self._line.cut),
        ]
        if self._database is not None:
            ways += [("database killed", self._kill_database), ("database connection killed", self._kill_backend)]
        for _ in range(kills):
            name, way = self._random.choice(ways)
            done = await asyncio.to_thread(way)
            self.toll.kills[name if done is not False else "nothing there to kill"] += 1
            if self._gateway.process.poll() is not None:
                self.toll.gateway_died = True
                return
            await asyncio.sleep(self._random.uniform(*BETWEEN_S))

    def _kill_model(self) -> bool:
        return _signalled(self._gateway.model, signal.SIGKILL)

    def _hang_model(self) -> bool:
        """For half a second: long enough for a reply to notice."""
        pid = self._gateway.model
        hung = _signalled(pid, signal.SIGSTOP)
        time.sleep(0.5)
        _signalled(pid, signal.SIGCONT)
        return hung

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
        """What the memory shows is confirmed."""
        while True:
            for person in list(self._said):
                self._confirmed.setdefault(person, set()).update(await self._remembered(person))
            await asyncio.sleep(0.5)

    async def _remembered(self, person: str) -> set[str]:
        try:
            answer = await self._http.get("/v1/memory", params={"user": person})
        except httpx.HTTPError:
            return set()
        return {fact["text"] for fact in answer.json().get("data", [])} if answer.status_code == 200 else set()

    async def _count(self) -> None:
        """Wait until the server is well again, and all that was said is kept."""
        began = time.monotonic()
        while time.monotonic() - began < RECOVER_S:
            self.toll.lost = await self._missing()
            if not self.toll.lost and await self._ready():
                break
            await asyncio.sleep(0.5)
        self.toll.recovered_s = round(time.monotonic() - began, 1)
        self.toll.confirmed = sum(map(len, self._confirmed.values()))
        self.toll.gateway_died |= self._gateway.process.poll() is not None
        self.toll.tracebacks = self._gateway.tracebacks

    async def _ready(self) -> bool:
        try:
            return (await self._http.get("/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def _missing(self) -> list[str]:
        missing = []
        for person, said in self._said.items():
            wanted = {f"loves {thing}" for thing in said} | self._confirmed.get(person, set())
            missing += sorted(wanted - await self._remembered(person))
        return missing


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


def chaos(kills: int, sessions: int, seed: int) -> Toll:
    """So many kills while so many people talk."""
    with tempfile.TemporaryDirectory(prefix="affetto-chaos-") as name, _memory(Path(name)) as (url, database):
        gateway = Gateway(Path(name), url)
        try:
            with cable(gateway.port) as line:

                async def main() -> Toll:
                    return await Chaos(gateway, line, database, seed).run(kills, sessions)

                return asyncio.run(main())
        finally:
            gateway.stop()


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

"""Forgetting proves itself: a word that stands nowhere else is looked for, byte by byte, in all that is left."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from test_memory_store import notes, told, use

from affetto.pipelines.memory import database
from affetto.pipelines.memory.database import Database
from affetto.pipelines.memory.store import MemoryStore
from affetto.server import event_logs
from affetto.server.__main__ import main
from databases import postgresql
from live import Live, Wire, eventually, running

CANARY = "Quokkabert"
"""No English word, no name, and in no file of ours but this."""
SAID = f"My name is Ana and I have a dog called {CANARY}. I am so sad about {CANARY}, he died yesterday."


def holding(folder: Path, word: str = CANARY) -> list[str]:
    """The files in which the word stands, in any of the ways in which text is written."""
    ways = {word.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be")}
    ways |= {word.lower().encode(), json.dumps(word).encode()}
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and any(way in path.read_bytes() for way in ways):
            found.append(str(path.relative_to(folder)))
    return found


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    """All that is logged while a test runs, at the finest level, in a file."""
    path = tmp_path / "out" / "server.txt"
    path.parent.mkdir()
    handler, root = logging.FileHandler(path), logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    for name in ("websockets.client", "httpcore", "httpx", "websockets"):  # the client of this test tells what it sends
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield path
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_after_forget_all_nothing_is_left_anywhere(tmp_path: Path, logged: Path, sealed: bool) -> None:
    settings: dict[str, Any] = {
        "server__event_logs": str(tmp_path / "logs"),
        "memory__url": f"sqlite:///{tmp_path}/data/memory.db",
    }
    if sealed:
        settings["memory__keys"] = [Fernet.generate_key().decode()]
    with running(**settings) as live:
        with live.call() as wire:
            wire.update(empathy={"memory": True, "user": "ana", "trace": True})
            tell(wire)
        body = {"messages": [{"role": "user", "content": SAID}], "empathy": {"memory": True, "user": "ana"}}
        assert live.post("/v1/chat/completions", json=body).status_code == 200
        with live.call() as other:
            other.update(empathy={"memory": True, "user": "ben"})
            other.text_turn("I work at a bakery.")
        settled(live)
        assert CANARY in live.get("/v1/memory", params={"user": "ana"}).text
        assert CANARY in trace_of(live)
        assert holding(tmp_path), "there is nothing to forget: the test proves nothing"

        answer = live.delete("/v1/memory", params={"user": "ana"})
        assert answer.status_code == 200
        assert answer.json()["facts"] >= 2

        assert holding(tmp_path) == []
        assert CANARY not in live.get("/v1/memory/export", params={"user": "ana"}).text
        assert CANARY not in trace_of(live)
        state = live.server._app.state.server
        for held in (state.memory._cache, state.memory.backlog._waiting, state.traces._held, state.appraisals.__dict__):
            assert CANARY not in repr(held)
        assert "bakery" in live.get("/v1/memory", params={"user": "ben"}).text, "nobody else is forgotten"
        assert len(list((tmp_path / "logs").glob("*.log"))) == 1
    assert holding(tmp_path) == [], "stopping writes nothing back"


def tell(wire: Wire) -> None:
    for _ in range(3):
        assert wire.text_turn(SAID)["response"]["status"] == "completed"


def settled(live: Live) -> None:
    memory = live.server._app.state.server.memory
    asyncio.run_coroutine_threadsafe(memory.settled(), live.loop).result(15)


def trace_of(live: Live) -> str:
    sessions = live.get("/v1/sessions").json()["data"]
    return "".join(live.get(f"/v1/sessions/{session['id']}/turns").text for session in sessions)


def test_a_session_that_runs_on_writes_nothing_more_of_who_was_forgotten(tmp_path: Path) -> None:
    settings = {"server__event_logs": str(tmp_path / "logs"), "memory__url": f"sqlite:///{tmp_path}/memory.db"}
    with running(**settings) as live, live.call() as wire:
        wire.update(empathy={"memory": True, "user": "ana"})
        tell(wire)
        settled(live)
        assert live.delete("/v1/memory", params={"user": "ana"}).status_code == 200
        tell(wire)
        settled(live)
        assert holding(tmp_path) == []
    assert holding(tmp_path) == []


def test_one_fact_that_is_forgotten_or_corrected_is_gone_from_the_file(tmp_path: Path) -> None:
    async def work(store: MemoryStore) -> None:
        person_id = await told(store, f"keeps a {CANARY}", "plays chess")
        first, second = sorted(await store.facts(person_id), key=lambda kept: kept.text)
        assert holding(tmp_path)
        await store.correct("", first.id, "keeps a cat", first.vector)
        assert holding(tmp_path) == []
        await store.correct("", second.id, f"plays {CANARY}", second.vector)
        assert holding(tmp_path)
        await store.forget("", second.id)
        assert holding(tmp_path) == []

    use(f"sqlite:///{tmp_path}/memory.db", work)


def test_what_somebody_reads_just_now_is_overwritten_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"

    monkeypatch.setattr(database, "CONNECT_S", 0.2)

    async def work(store: MemoryStore) -> None:
        await told(store, f"keeps a {CANARY}")
        reader = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM affetto_facts").fetchall()
        assert await store.forget_all("", "ana") == 1, "it is forgotten, whoever reads"
        assert "not overwritten yet" in caplog.text
        reader.close()
        await store.purge(0.0)
        assert holding(tmp_path) == []

    use(url, work)


def test_in_postgresql_no_table_holds_it_and_sealed_not_even_its_files_do(tmp_path: Path) -> None:
    with postgresql() as server:
        key = Fernet.generate_key().decode()

        async def work(store: MemoryStore) -> None:
            await told(store, f"keeps a {CANARY}")
            await told(store, "plays chess", user="ben")
            assert await store.forget_all("", "ana") == 1
            assert [person async for person in rows(server.url)] == ["ben"]

        use(server.url, work, keys=(key,))
        server.stop()
        assert holding(server.folder) == []


async def rows(url: str) -> Any:
    """Whose rows there are in any table: all by the one person that is left."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        users = await connection.fetch("SELECT id FROM affetto_users")
        assert len(users) == 1
        for table in ("facts", "moments"):
            assert {row["user_id"] for row in await connection.fetch(f"SELECT user_id FROM affetto_{table}")} == {
                users[0]["id"]
            }
        yield "ben"
    finally:
        await connection.close()


# -- event logs -------------------------------------------------------------------------------------


def write_log(folder: Path, name: str, *lines: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.log"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


def configured(user: str) -> dict[str, Any]:
    return {"empathy": {"memory": True, "user": user}}


def test_logs_of_a_person_are_found_by_whoever_was_named_in_them(tmp_path: Path) -> None:
    command = {"event": "Commanded", "command": {"config": configured("ana")}}
    gone = [
        write_log(tmp_path, "first", {"owner": "shop", "config": configured("ana")}),
        write_log(tmp_path, "later", {"owner": "shop", "config": configured("")}, {"event": "Tick"}, command),
        write_log(tmp_path, "old", {"config": configured("ana")}),
    ]
    kept = [
        write_log(tmp_path, "theirs", {"owner": "else", "config": configured("ana")}),
        write_log(tmp_path, "ben", {"owner": "shop", "config": configured("ben")}, {"text": '"empathy" "ana"'}),
        write_log(tmp_path, "nobody", {"owner": "shop", "config": configured("")}),
    ]
    (tmp_path / "half.log").write_text('{"owner": "shop", "config": {"empathy": {"us')
    assert event_logs.forget(tmp_path, "shop", "ana") == 3
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert event_logs.forget(tmp_path, "shop", "ana") == 0


def test_logs_past_their_time_are_deleted(tmp_path: Path) -> None:
    old, new = write_log(tmp_path, "old", {}), write_log(tmp_path, "new", {})
    os.utime(old, (1, 1))
    with running(server__event_logs=str(tmp_path), server__event_log_days=1):
        eventually(lambda: not old.exists(), "the old log stays")
    assert new.exists()


def test_a_log_that_cannot_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"server__event_logs": str(tmp_path / "logs"), "memory__url": f"sqlite:///{tmp_path}/memory.db"}

    def stuck(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with running(**settings) as live:
        monkeypatch.setattr(event_logs, "forget", stuck)
        answer = live.delete("/v1/memory", params={"user": "ana"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "event_log_kept"


# -- the command ------------------------------------------------------------------------------------


def test_the_command_looks_after_what_is_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    def affetto(*arguments: str, keys: list[str]) -> dict[str, Any]:
        monkeypatch.setenv("AFFETTO_MEMORY__KEYS", json.dumps(keys))
        assert main(["memory", *arguments, "--json", "--set", f"memory.url={url}"]) == 0
        done: dict[str, Any] = json.loads(capsys.readouterr().out)
        return done

    assert affetto("status", keys=[])["version"] is None
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    use(url, lambda store: told(store, "keeps bees"))
    use(url, lambda store: told(store, "plays chess", user="ben", at=1e10), keys=(old,))
    status = affetto("status", keys=[old])
    assert status["rows"]["affetto_users"] == 2
    assert sorted(status["keys"].values()) == [2, 2]
    assert affetto("rekey", keys=[new, old])["sealed anew"] == 4
    assert list(affetto("status", keys=[new])["keys"].values()) == [4]
    assert affetto("migrate", keys=[new])["version"] == status["version"]
    assert affetto("purge", keys=[new])["rows forgotten"] == 3
    logs = tmp_path / "logs"
    write_log(logs, "x", {"owner": "", "config": configured("ben")})
    done = affetto("forget", "ben", "--set", f"server.event_logs={logs}", keys=[new])
    assert done == {"facts forgotten": 1, "event logs deleted": 1}
    assert use(url, lambda store: store.export("", "ben"), keys=(new,)) is None
    monkeypatch.setenv("AFFETTO_MEMORY__KEYS", "[]")
    assert main(["memory", "rekey", "--set", f"memory.url={url}"]) == 2
    assert "nothing to seal with" in capsys.readouterr().err
    assert main(["memory", "status", "--set", f"memory.url={url}"]) == 0
    assert "affetto_facts 0" in capsys.readouterr().out


def test_sealing_anew_goes_in_small_steps_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from affetto.pipelines.memory import store as store_module

    monkeypatch.setattr(store_module, "RESEALED_AT_ONCE", 3)
    url, key = f"sqlite:///{tmp_path}/memory.db", Fernet.generate_key().decode()

    async def work(store: MemoryStore) -> None:
        person = await store.consent("", "ana", 0.0)
        for number in range(10):
            await store.add(person.id, notes(f"number {number}"))

    use(url, work)
    assert use(url, lambda store: store.reseal(), keys=(key,)) == 20

    async def count(store: MemoryStore) -> int:
        return len(await store.facts((await store.consent("", "ana", 0.0)).id))

    assert use(url, count, keys=(key,)) == 10


def test_what_is_confirmed_is_on_the_disk_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    held = Database(f"sqlite:///{tmp_path}/memory.db")

    async def work() -> list[Any]:
        async with held.begin() as connection:
            pragmas = ("PRAGMA synchronous", "PRAGMA secure_delete")
            found = [(await connection.exec_driver_sql(pragma)).scalar() for pragma in pragmas]
        await held.close()
        return found

    assert asyncio.run(work()) == [2, 1]

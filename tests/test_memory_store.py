"""The contract of the memory's store, on SQLite and - where it can be started - on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet

from affetto.models.errors import Unavailable
from affetto.pipelines.memory.database import Database, MemoryGone, default_file
from affetto.pipelines.memory.facts import Fact, Kind
from affetto.pipelines.memory.kept import NewFact, TurnNotes
from affetto.pipelines.memory.sealing import BadKey, Sealer, Unreadable
from affetto.pipelines.memory.store import MemoryStore
from databases import postgresql

DAY = 86_400.0


def use(url: str, work: Callable[[MemoryStore], Awaitable[Any]], *, keys: tuple[str, ...] = (), most: int = 200) -> Any:
    """Do something with a store on this database, in a process of its own as it were."""

    async def main() -> Any:
        store = MemoryStore(Database(url), Sealer(keys), most_facts=most)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())


def vector(*direction: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    made = np.zeros(8, np.float32)
    made[: len(direction)] = direction
    return made / max(float(np.linalg.norm(made)), 1e-9)


def own_vector(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Each text points its own way."""
    made = np.random.default_rng(zlib.crc32(text.lower().encode())).standard_normal(128).astype(np.float32)
    return made / np.linalg.norm(made)


def notes(*texts: str, at: float = 0.0, kind: Kind = Kind.EVENT, importance: float = 0.7, **more: Any) -> TurnNotes:
    """A turn's notes."""
    found = [NewFact(Fact(kind, t, importance), own_vector(t)) for t in texts]
    return TurnNotes("talk", at, tuple(found), {"emotion": "disappointed", "intensity": 2, "cause": "a cause"}, **more)


async def told(store: MemoryStore, *texts: str, user: str = "ana", owner: str = "", **more: Any) -> str:
    person = await store.consent(owner, user, more.get("at", 0.0))
    assert await store.add(person.id, notes(*texts, **more))
    return person.id


async def texts(store: MemoryStore, user: str = "ana", owner: str = "") -> list[str]:
    person = await store.person(owner, user)
    return [] if person is None else [kept.text for kept in await store.facts(person.id)]


def test_what_is_kept_is_there_after_a_restart(url: str) -> None:
    use(url, lambda store: told(store, "lost their job", at=5.0))

    async def look(store: MemoryStore) -> None:
        (kept,) = await store.facts((await store.consent("", "ana", 9.0)).id)
        assert (kept.kind, kept.text, kept.said_at, kept.recalled_at) == (Kind.EVENT, "lost their job", 5.0, None)
        assert float(kept.vector @ kept.vector) == pytest.approx(1, abs=1e-3)
        whole = await store.export("", "ana")
        assert whole is not None
        assert whole["consent"] == {"given": True, "at": 5}
        assert whole["moments"] == [{"at": 5, "emotion": "disappointed", "intensity": 2, "cause": "a cause"}]

    use(url, look)


def test_people_and_owners_are_kept_apart(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        await told(store, "keeps bees", user="ana", owner="key1")
        await told(store, "plays chess", user="ben", owner="key1")
        await told(store, "sings", user="ana", owner="key2")
        assert await texts(store, "ana", "key1") == ["keeps bees"]
        assert await texts(store, "ana", "key2") == ["sings"]
        assert await texts(store, "ana", "") == []
        person = await store.person("key1", "ana")
        assert person is not None
        fact_id = (await store.facts(person.id))[0].id
        assert not await store.forget("key2", fact_id)
        assert not await store.correct("key2", fact_id, "keeps wasps", vector(1))
        assert await store.fact("key2", fact_id) is None
        assert await store.forget_all("key2", "ben") == 0
        assert await texts(store, "ana", "key1") == ["keeps bees"]

    use(url, work)


def test_the_same_thing_is_kept_once_and_a_person_has_one_name(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        await told(store, "lost their job", at=1)
        await told(store, "Lost their job", at=2)
        await told(store, "is called Ana", kind=Kind.NAME, at=3)
        await told(store, "is called Anna", kind=Kind.NAME, at=4)
        assert await texts(store) == ["Lost their job", "is called Anna"]

    use(url, work)


def test_what_was_corrected_stays_so(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        person_id = await told(store, "is called Ana", kind=Kind.NAME)
        fact_id = (await store.facts(person_id))[0].id
        assert await store.correct("", fact_id, "is called Anna", vector(1))
        await told(store, "is called Ana", kind=Kind.NAME, at=9)
        assert await texts(store) == ["is called Anna"]

    use(url, work)


def test_forgetting_one_and_forgetting_all(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        person_id = await told(store, "keeps bees", "plays chess")
        bees = next(kept for kept in await store.facts(person_id) if kept.text == "keeps bees")
        assert await store.forget("", bees.id)
        assert not await store.forget("", bees.id)
        assert await texts(store) == ["plays chess"]
        assert await store.forget_all("", "ana") == 1
        assert await store.export("", "ana") is None
        assert not await store.add(person_id, notes("comes back")), "the old consent is no good any more"
        assert not await store.add_episode(person_id, "talk", 0, 1, {})
        assert await store.export("", "ana") is None
        assert (await store.consent("", "ana", 50.0)).consented_at == 50.0

    use(url, work)


def test_each_change_raises_the_version_that_caches_go_by(url: str) -> None:
    async def version(store: MemoryStore) -> int:
        person = await store.person("", "ana")
        assert person is not None
        return person.version

    async def work(store: MemoryStore) -> None:
        person_id = await told(store, "keeps bees", "plays chess", at=1)
        seen = [await version(store)]
        first, second = await store.facts(person_id)
        await store.correct("", first.id, "keeps wasps", vector(1))
        seen.append(await version(store))
        await store.forget("", second.id)
        seen.append(await version(store))
        await told(store, "sings", at=10 * DAY)
        seen.append(await version(store))
        await store.purge(5 * DAY)
        seen.append(await version(store))
        assert seen == sorted(set(seen))

    use(url, work)


def test_only_the_weightiest_facts_are_kept(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        for number in range(6):
            await told(store, f"number {number}", kind=list(Kind)[1 + number], importance=number / 10)
        assert sorted(await texts(store)) == ["number 3", "number 4", "number 5"]

    use(url, work, most=3)


def test_what_is_too_old_goes_and_so_do_people_not_seen_since(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        await told(store, "old news", at=1 * DAY)
        await told(store, "news", at=10 * DAY)
        await told(store, "long gone", user="ben", at=1 * DAY)
        await store.purge(5 * DAY)
        assert await texts(store) == ["news"]
        assert await store.export("", "ben") is None
        whole = await store.export("", "ana")
        assert whole is not None
        assert [moment["at"] for moment in whole["moments"]] == [10 * DAY]

    use(url, work)


def test_two_servers_may_record_the_same_consent_at_once(url: str) -> None:
    async def work(store: MemoryStore) -> None:
        await told(store, "x y", user="somebody else")
        made = await asyncio.gather(*(store.consent("", "ana", float(at)) for at in range(3)))
        assert len({person.id for person in made}) == 1

    use(url, work)


def test_keys_hide_what_is_kept_and_can_be_rotated(url: str, tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    use(url, lambda store: told(store, "keeps bees plainly"))
    assert use(url, lambda store: store.reseal(), keys=(old,)) == 2
    use(url, lambda store: told(store, "plays chess", at=1), keys=(old,))
    with pytest.raises(MemoryGone, match="lacks the key"):
        use(url, texts)
    assert use(url, lambda store: store.reseal(), keys=(new, old)) == 4
    assert use(url, texts, keys=(new,)) == ["keeps bees plainly", "plays chess"]
    assert use(url, lambda store: store.reseal(), keys=(new,)) == 0


def test_sealed_files_hold_no_word_and_no_id_of_a_person(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    key = Fernet.generate_key().decode()
    use(url, lambda store: told(store, "keeps bees", user="ana@example.org"), keys=(key,))
    assert whole_files(tmp_path).isdisjoint({b"keeps bees", b"disappointed", b"a cause", b"ana@example.org"})


def test_what_is_forgotten_is_in_no_file_any_more(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"

    async def work(store: MemoryStore) -> None:
        await told(store, "keeps bees")
        assert b"keeps bees" in whole_files(tmp_path)
        await store.forget_all("", "ana")
        assert whole_files(tmp_path).isdisjoint({b"keeps bees", b"a cause"})

    use(url, work)


def whole_files(folder: Path) -> set[bytes]:
    """Which of some tell-tale words stand in any file of the folder."""
    data = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    return {word for word in (b"keeps bees", b"disappointed", b"a cause", b"ana@example.org") if word in data}


def test_nothing_is_written_before_somebody_consents(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/memory.db"

    async def work(store: MemoryStore) -> None:
        assert await store.person("", "ana") is None
        assert await store.export("", "ana") is None
        assert await store.forget_all("", "ana") == 0
        assert not await store.forget("", "fact_x")
        assert not await store.correct("", "fact_x", "y", vector(1))
        assert await store.purge(1.0) == await store.reseal() == 0

    use(url, work)
    assert not (tmp_path / "new").exists()
    use(url, lambda store: told(store, "keeps bees"))
    assert (tmp_path / "new" / "memory.db").stat().st_mode & 0o077 == 0


def take_away(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"

    async def work(store: MemoryStore) -> None:
        await told(store, "keeps bees")
        take_away(tmp_path)
        assert await texts(store) == []
        await told(store, "plays chess")
        assert await texts(store) == ["plays chess"]

    use(url, work)


def test_a_database_that_cannot_be_used_is_told_without_its_address(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MemoryGone, match="cannot be reached") as told_so:
        use(f"sqlite:///{tmp_path}/file/memory.db", lambda store: store.consent("", "ana", 0.0))
    assert str(tmp_path) not in str(told_so.value)
    (tmp_path / "memory.db").write_text("this is no database, but long enough to be looked at " * 50)
    with pytest.raises(MemoryGone, match="fails"):
        use(f"sqlite:///{tmp_path}/memory.db", lambda store: store.consent("", "ana", 0.0))


def test_tables_of_another_version_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    use(url, lambda store: told(store, "keeps bees"))
    with sqlite3.connect(tmp_path / "memory.db") as connection:
        connection.execute("UPDATE affetto_alembic SET version_num = '9999'")
    connection.close()
    with pytest.raises(MemoryGone, match="version 9999, this server knows 0002"):
        use(url, texts)


@pytest.mark.parametrize("url", ["mysql://host/name", "not an address", "redis://x"])
def test_other_databases_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(Unavailable, match=r"memory\.url"):
        Database(url)


def test_the_default_file_lies_where_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_file() == tmp_path / "affetto" / "memory.db"


def test_keys_that_are_none_are_refused_without_showing_them() -> None:
    with pytest.raises(BadKey, match=r"key 2 is not a Fernet key") as refused:
        Sealer([Fernet.generate_key().decode(), "hunter2"])
    assert "hunter2" not in str(refused.value)


def test_a_changed_field_is_not_opened() -> None:
    sealer = Sealer([Fernet.generate_key().decode()])
    sealed = bytearray(sealer.seal(b"keeps bees"))
    sealed[-3] ^= 1
    with pytest.raises(Unreadable, match="changed"):
        sealer.open(bytes(sealed))


def test_a_server_that_is_gone_and_comes_back_has_lost_nothing() -> None:
    with postgresql() as server:

        async def work(store: MemoryStore) -> None:
            await told(store, "keeps bees")
            server.stop()
            with pytest.raises(MemoryGone):
                await texts(store)
            with pytest.raises(MemoryGone):
                await told(store, "plays chess")
            server.start()
            assert await texts(store) == ["keeps bees"]
            await told(store, "plays chess", at=1)
            assert await texts(store) == ["keeps bees", "plays chess"]

        use(server.url, work)

"""The tables of older versions become those of this one, whole or not at all, and nobody loses anything by it."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from test_memory_store import texts as told_texts
from test_memory_store import told, use

from affetto.pipelines.memory import migrating, tables
from affetto.pipelines.memory.database import Database, MemoryGone

FIRST_TABLES = [
    "CREATE TABLE affetto_schema (version INTEGER NOT NULL, PRIMARY KEY (version))",
    """CREATE TABLE affetto_users (id VARCHAR(40) NOT NULL, owner VARCHAR(64) NOT NULL, who VARCHAR(64) NOT NULL,
       consented_at DOUBLE PRECISION NOT NULL, seen_at DOUBLE PRECISION NOT NULL, version INTEGER NOT NULL,
       PRIMARY KEY (id), UNIQUE (who))""",
    """CREATE TABLE affetto_facts (id VARCHAR(40) NOT NULL, user_id VARCHAR(40) NOT NULL,
       conversation VARCHAR(64) NOT NULL, kind VARCHAR(16) NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL,
       importance DOUBLE PRECISION NOT NULL, timed BOOLEAN NOT NULL, corrected BOOLEAN NOT NULL,
       said_at DOUBLE PRECISION NOT NULL, recalled_at DOUBLE PRECISION, PRIMARY KEY (id),
       FOREIGN KEY(user_id) REFERENCES affetto_users (id) ON DELETE CASCADE)""",
    "CREATE INDEX affetto_facts_user ON affetto_facts (user_id)",
    """CREATE TABLE affetto_moments (id VARCHAR(40) NOT NULL, user_id VARCHAR(40) NOT NULL,
       conversation VARCHAR(64) NOT NULL, at DOUBLE PRECISION NOT NULL, appraisal BLOB NOT NULL, PRIMARY KEY (id),
       FOREIGN KEY(user_id) REFERENCES affetto_users (id) ON DELETE CASCADE)""",
    "CREATE INDEX affetto_moments_user ON affetto_moments (user_id, at)",
    """CREATE TABLE affetto_episodes (id VARCHAR(40) NOT NULL, user_id VARCHAR(40) NOT NULL,
       conversation VARCHAR(64) NOT NULL, began DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION NOT NULL,
       summary BLOB NOT NULL, PRIMARY KEY (id),
       FOREIGN KEY(user_id) REFERENCES affetto_users (id) ON DELETE CASCADE)""",
    "CREATE INDEX affetto_episodes_user ON affetto_episodes (user_id)",
    "INSERT INTO affetto_schema VALUES (1)",
    "INSERT INTO affetto_users VALUES ('person_1', '', '{who}', 1.0, 2.0, 1)",
    """INSERT INTO affetto_facts VALUES ('fact_1', 'person_1', 'talk', 'event', {bees}, {vector}, 0.7, {no}, {no},
       1.0, NULL)""",
]
"""What the first version made, and somebody in it."""


def as_in_the_first_version(url: str) -> None:
    from affetto.pipelines.memory.people import who

    filled = {"who": who("", "ana"), "bees": "'p:keeps bees'", "vector": "x'703a003c'", "no": "0"}
    statements = [line.format(**filled) for line in FIRST_TABLES]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for statement in statements:
                bees = statement.replace("'p:keeps bees'", "CAST('p:keeps bees' AS BLOB)")
                connection.execute(bees.replace("DOUBLE PRECISION", "DOUBLE"))
        connection.close()
    else:
        asyncio.run(_run(url, [in_postgresql(statement) for statement in statements]))


def in_postgresql(statement: str) -> str:
    pairs = {"BLOB": "BYTEA", "x'703a003c'": r"'\x703a003c'", " 0, 0,": " false, false,"}
    for here, there in pairs.items():
        statement = statement.replace(here, there)
    return statement


async def _run(url: str, statements: list[str]) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def inside(url: str, work: Any) -> Any:
    """Run something on a connection to this database, in a transaction."""

    async def main() -> Any:
        database = Database(url)
        try:
            async with database.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await database.close()

    return asyncio.run(main())


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": migrating.VERSIONS})
    return list(compare_metadata(context, tables.metadata))


def test_the_steps_make_the_tables_that_there_should_be(url: str) -> None:
    assert inside(url, differences) == []
    assert inside(url, migrating.version) == migrating.newest()


def test_tables_of_the_first_version_are_taken_along_with_all_that_is_in_them(url: str) -> None:
    as_in_the_first_version(url)
    assert use(url, told_texts) == ["keeps bees"]
    assert inside(url, differences) == []
    assert inside(url, migrating.version) == migrating.newest()
    assert inside(url, lambda c: c.execute(text("SELECT version FROM affetto_schema")).scalar()) == 2, (
        "servers of the first version must stay away"
    )


def test_a_step_that_fails_leaves_everything_as_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    as_in_the_first_version(url)
    made = op.create_index
    count = 0

    def third_fails(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError("the disk is full")
        made(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", third_fails)
        with pytest.raises(MemoryGone):
            use(url, told_texts)
    assert count == 3
    assert use(url, told_texts) == ["keeps bees"], "the next try does it all"
    assert inside(url, differences) == []


def test_servers_that_start_at_once_take_the_steps_once(url: str) -> None:
    as_in_the_first_version(url)
    program = (
        "import asyncio, sys; from affetto.pipelines.memory.database import Database\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    async with database.begin():\n"
        "        print('done')\n"
        "    await database.close()\n"
        "asyncio.run(main())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == ["done\n"] * 3
    assert use(url, told_texts) == ["keeps bees"]


def test_each_step_follows_the_one_before() -> None:
    script = migrating._steps()
    steps = list(script.walk_revisions())
    assert [step.revision for step in reversed(steps)] == [f"{number:04}" for number in range(1, len(steps) + 1)]
    for path in (migrating.FOLDER / "versions").glob("step_*.py"):
        assert f'revision = "{path.stem.removeprefix("step_")}"' in path.read_text()


def test_an_empty_sqlite_file_has_no_version(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    with engine.connect() as connection:
        assert migrating.version(connection) is None
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_a_server_reads_on_while_its_tables_are_looked_at(url: str) -> None:
    async def work(store: Any) -> None:
        await told(store, "keeps bees")
        status = await store.status()
        assert status["version"] == migrating.newest()
        assert status["rows"] == {
            "affetto_users": 1, "affetto_facts": 1, "affetto_moments": 1, "affetto_episodes": 0
        }  # fmt: skip
        assert status["keys"] == {"plain": 2}

    use(url, work)

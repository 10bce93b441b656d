"""The connection to the database: its address, its tables' version, and one error for all the ways it can be gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ...models.errors import Unavailable
from . import tables

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
CONNECT_S = 5.0
STATEMENT_S = 10.0


class MemoryGone(Exception):
    """What is remembered cannot be reached now; the message is fit for a user and holds no address."""


def default_file() -> Path:
    """`affetto/memory.db` in the XDG data folder."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "affetto" / "memory.db"


def address(url: str | None) -> URL:
    """The database that a setting names. Raises Unavailable."""
    if not url:
        return URL.create(DRIVERS["sqlite"], database=str(default_file()))
    try:
        made = make_url(url)
    except ArgumentError:
        raise Unavailable(
            "memory.url is not an address; examples: sqlite:///memory.db, postgresql://host/name"
        ) from None
    driver = DRIVERS.get(made.drivername, made.drivername)
    if driver not in DRIVERS.values():
        raise Unavailable(f"memory.url: {made.drivername!r} is not known; use sqlite:///FILE or postgresql://...")
    return made.set(drivername=driver)


class Database:
    """One engine. Tables are made at the first use, so that nothing is written before somebody consents."""

    def __init__(self, url: str | None) -> None:
        self._url = address(url)
        self._file = Path(self._url.database) if self._is_sqlite and self._url.database else None
        self._engine = self._make()
        self._ready = False
        self._lock = asyncio.Lock()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.drivername == DRIVERS["sqlite"]

    @property
    def there(self) -> bool:
        """Whether there can be anything to read: a file that nobody has made yet holds nothing."""
        return self._file is None or self._file.exists()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction. Raises MemoryGone; what was written in it then is not."""
        try:
            await self._prepare()
            async with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            self._ready = isinstance(error, IntegrityError)  # then the database is well
            raise MemoryGone(f"the memory's database fails ({type(error.orig).__name__})") from error
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            self._ready = False
            raise MemoryGone(f"the memory's database cannot be reached ({type(error).__name__})") from error

    async def scrub(self) -> None:
        """Leave nothing of deleted rows in SQLite's log; PostgreSQL's own vacuum does as much."""
        if self._is_sqlite and self.there:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    async def close(self) -> None:
        await self._engine.dispose()

    def _make(self) -> AsyncEngine:
        options: dict[str, Any] = {"connect_args": {"timeout": CONNECT_S}}
        if not self._is_sqlite:
            options = {
                "connect_args": {"timeout": CONNECT_S, "command_timeout": STATEMENT_S},
                "pool_pre_ping": True,
                "pool_timeout": CONNECT_S,
            }
        try:
            engine = create_async_engine(self._url, hide_parameters=True, **options)
        except ModuleNotFoundError as error:
            raise Unavailable(f"memory.url needs {error.name}: pip install 'affetto[postgresql]'") from error
        if self._is_sqlite:
            event.listen(engine.sync_engine, "connect", _careful)
        return engine

    async def _prepare(self) -> None:
        """Make or check the tables, once; again after the database was gone."""
        if self._ready and self.there:
            return
        async with self._lock:
            if self._ready and self.there:
                return
            if self._file is not None:
                await self._engine.dispose()  # a file that was taken away lives on in open connections
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file.touch(mode=0o600)
            async with self._engine.begin() as connection:
                await _migrate(connection)
            self._ready = True


async def _migrate(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":  # two servers may start at once
        await connection.execute(text("SELECT pg_advisory_xact_lock(7106)"))
    await connection.run_sync(tables.metadata.create_all)
    version = (await connection.execute(select(tables.schema.c.version))).scalar()
    if version is None:
        await connection.execute(insert(tables.schema).values(version=tables.VERSION))
    elif version != tables.VERSION:
        raise MemoryGone(f"the memory's tables are of version {version}, this server knows {tables.VERSION}")


def _careful(connection: Any, record: object) -> None:
    """Deleted means overwritten, and rows of nobody go with their person."""
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "secure_delete=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

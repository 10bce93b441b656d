"""The connection to the database: its address, its tables' version, and one error for all the ways it can be gone."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ...models.errors import Unavailable
from . import migrating, tables

log = logging.getLogger(__name__)

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
        self.unscrubbed = False
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
        """Leave nothing of deleted rows in SQLite's log, and let PostgreSQL write over their place. What cannot be
        done now, because somebody reads there, stays `unscrubbed` for the next upkeep."""
        if not self.there:
            return
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                self.unscrubbed = not await (_truncated if self._is_sqlite else _vacuumed)(connection)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self.unscrubbed = True
            log.warning("what was forgotten is not overwritten yet (%s)", type(error).__name__)

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
                await connection.run_sync(_migrate)
            self._ready = True


async def _truncated(connection: AsyncConnection) -> bool:
    busy = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).scalar()  # waits CONNECT_S for readers
    if busy:
        log.warning("what was forgotten is not overwritten yet: somebody reads the database's log")
    return not busy


async def _vacuumed(connection: AsyncConnection) -> bool:
    for table in tables.KEPT:
        await connection.execute(text(f"VACUUM {table.name}"))
    return True


def _migrate(connection: Connection) -> None:
    try:
        before, after = migrating.upgrade(connection)
    except migrating.Newer as newer:
        raise MemoryGone(str(newer)) from newer
    if before not in (None, after):
        log.warning("the memory's tables are brought from version %s to %s", before, after)


def _careful(connection: Any, record: object) -> None:
    """Deleted means overwritten, rows of nobody go with their person, and what is said to be kept is on the disk."""
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "secure_delete=ON", "synchronous=FULL", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

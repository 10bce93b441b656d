"""Where gateways that share a database leave their sessions for each other: one row a session, for as long as it lives.

A row is short-lived state, no record: it goes with its session, when nobody prolongs it, and with whom it speaks of.
Where its shape changes its table gets a new name, and nothing is migrated. Rows expire by the gateways' clocks, which
should agree to a few seconds (NTP).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..models.errors import Unavailable
from ..pipelines.memory.database import CONNECT_S, DRIVERS, STATEMENT_S, address, default_file
from ..pipelines.memory.sealing import Sealer, Unreadable

metadata = MetaData()

sessions = Table(
    "affetto_handover_1",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("gateway", String(32), nullable=False, index=True),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("whose", String(1024), nullable=False),
    Column("passes", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)
"""`epoch` counts the gateways that a session has been with: who writes under an old one has lost it. `whose` are hashes
of the persons who spoke in it, `passes` hashes of the tokens that open it (32 bytes each); `state` is sealed."""
HASH_BYTES = 32


class HandoverGone(Exception):
    """The shared database cannot be reached, or a row of it not be had now; the message holds no address."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A session as its gateway leaves it."""

    id: str
    epoch: int
    owner: str
    whose: tuple[str, ...]
    passes: tuple[bytes, ...]
    state: bytes


class HandoverStore:
    """Every method raises HandoverGone where the database cannot be reached."""

    def __init__(
        self, url: str | None, sealer: Sealer, *, gateway: str, keep_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = address(url or f"sqlite:///{default_file().with_name('handover.db')}")
        self.sealer = sealer
        self._gateway = gateway
        self._keep_s = keep_s
        self._clock = clock
        self._engine = self._make()
        self._ready = False
        self._lock = asyncio.Lock()

    async def put(self, parked: Parked) -> bool:
        """Write a session's row; False: it is another gateway's by now, or its person was forgotten."""
        row = {
            "owner": parked.owner,
            "whose": " ".join(parked.whose),
            "passes": b"".join(parked.passes),
            "state": self.sealer.seal(parked.state),
            "expires_at": self._clock() + self._keep_s,
        }
        async with self.begin() as connection:
            if parked.epoch == 0:
                again = (sessions.c.id == parked.id, sessions.c.gateway == self._gateway)
                await connection.execute(delete(sessions).where(*again))  # the answer to our first try was lost
                await connection.execute(insert(sessions).values(id=parked.id, gateway=self._gateway, epoch=1, **row))
                return True
            mine = (sessions.c.id == parked.id, sessions.c.epoch == parked.epoch)
            done = await connection.execute(update(sessions).where(*mine).values(**row))
            return done.rowcount == 1

    async def whose_turn(self, session_id: str) -> int | None:
        """The epoch of a session's row; `None` where there is none."""
        async with self.begin() as connection:
            found = await connection.execute(select(sessions.c.epoch).where(sessions.c.id == session_id))
            return found.scalar()

    async def take(self, session_id: str, owner: str, fits: Callable[[bytes], bool]) -> Parked | None:
        """Make a session this gateway's own, if one of its passes fits; of two who try at once the later gets it: the
        line of the other broke."""
        async with self.begin() as connection:
            row = (
                await connection.execute(select(sessions).where(sessions.c.id == session_id).with_for_update())
            ).first()
            if row is None or row.owner != owner or row.expires_at < self._clock():
                return None
            passes = [row.passes[at : at + HASH_BYTES] for at in range(0, len(row.passes), HASH_BYTES)]
            if not sum(map(fits, passes)):  # all are compared
                return None
            try:
                state = self.sealer.open(bytes(row.state))
            except Unreadable:
                raise HandoverGone("a session was sealed with a key that this gateway does not have") from None
            mine = (sessions.c.id == session_id, sessions.c.epoch == row.epoch)
            changed = {"epoch": row.epoch + 1, "gateway": self._gateway, "expires_at": self._clock() + self._keep_s}
            done = await connection.execute(update(sessions).where(*mine).values(**changed))
            if done.rowcount != 1:  # SQLite locks no row for reading
                raise HandoverGone("a session is just being taken up over another line")
            return Parked(session_id, row.epoch + 1, owner, tuple(row.whose.split()), tuple(passes), state)

    async def drop(self, session_id: str, epoch: int) -> None:
        """The session is over."""
        async with self.begin() as connection:
            await connection.execute(delete(sessions).where(sessions.c.id == session_id, sessions.c.epoch == epoch))

    async def erase(self, whose: str) -> int:
        """Leave nothing of sessions in which this person spoke; gives how many there were."""
        async with self.begin() as connection:
            done = await connection.execute(delete(sessions).where(sessions.c.whose.contains(whose)))
        await self.scrub()
        return done.rowcount

    async def prolong(self) -> None:
        """This gateway lives: its sessions stay. What nobody prolonged goes."""
        now = self._clock()
        async with self.begin() as connection:
            mine = update(sessions).where(sessions.c.gateway == self._gateway)
            await connection.execute(mine.values(expires_at=now + self._keep_s))
            gone = await connection.execute(delete(sessions).where(sessions.c.expires_at < now))
        if gone.rowcount:
            await self.scrub()

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, with all tables there."""
        try:
            await self._prepare()
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self._ready = False
            raise HandoverGone(f"the database of sessions cannot be reached ({type(error).__name__})") from error

    async def scrub(self) -> None:
        """Leave nothing of deleted rows in SQLite's log."""
        if self._is_sqlite:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _is_sqlite(self) -> bool:
        return self._url.drivername == DRIVERS["sqlite"]

    async def _prepare(self) -> None:
        if self._ready:
            return
        async with self._lock:
            async with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # two gateways may start at once
                    await connection.execute(text("SELECT pg_advisory_xact_lock(7107)"))
                else:
                    await connection.execute(text("BEGIN IMMEDIATE"))  # SQLite's driver begins none for tables
                await connection.run_sync(metadata.create_all)
            self._ready = True

    def _make(self) -> AsyncEngine:
        options: dict[str, Any] = {"connect_args": {"timeout": CONNECT_S}}
        if not self._is_sqlite:
            options["connect_args"]["command_timeout"] = STATEMENT_S
            options |= {"pool_pre_ping": True, "pool_timeout": CONNECT_S}
        try:
            engine = create_async_engine(self._url, hide_parameters=True, **options)
        except ModuleNotFoundError as error:
            raise Unavailable(f"handover.url needs {error.name}: pip install 'affetto[postgresql]'") from error
        if self._is_sqlite and self._url.database:
            file = Path(self._url.database)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)
            event.listen(engine.sync_engine, "connect", _careful)
        return engine


def _careful(connection: Any, record: object) -> None:
    """Deleted means overwritten."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "secure_delete=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

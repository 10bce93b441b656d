"""Client secrets that are good at every gateway: one row each in the shared database, until it expires.

The row's name is the secret's SHA-256; what it opens is sealed. A gateway that does not know a secret looks here
before it calls it wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, Double, LargeBinary, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ..pipelines.memory.sealing import Unreadable
from .auth import Guest, Secret
from .handover_store import HandoverGone, HandoverStore, metadata

table = Table(
    "affetto_secrets_1",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("whose", String(64), nullable=False, index=True),
    Column("opens", LargeBinary, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)
"""`whose` is a hash of the person whom its sessions are of, where it names one; `opens` is a sealed `Guest`."""
_GUEST = TypeAdapter(Guest)


class SharedSecrets:
    """Every method raises HandoverGone where the database cannot be reached."""

    def __init__(self, store: HandoverStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def add(self, hashed: bytes, secret: Secret, whose: str) -> None:
        """Write one down; once more does no harm."""
        opens = self._store.sealer.seal(_GUEST.dump_json(secret.owner))
        row = {"sha256": hashed, "whose": whose, "opens": opens, "expires_at": secret.expires_at}
        async with self._store.begin() as connection:
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(table).values(**row))
            except IntegrityError:
                return  # the answer to our first try was lost

    async def find(self, hashed: bytes) -> Secret | None:
        """What a secret opens, if it is good."""
        async with self._store.begin() as connection:
            row = (await connection.execute(select(table).where(table.c.sha256 == hashed))).first()
        if row is None or row.expires_at <= self._clock():
            return None
        try:
            return Secret(row.expires_at, _GUEST.validate_json(self._store.sealer.open(bytes(row.opens))))
        except (Unreadable, ValidationError):
            raise HandoverGone("a client secret was written by a gateway with other keys or another version") from None

    async def erase(self, whose: str) -> None:
        """Leave none that names this person."""
        async with self._store.begin() as connection:
            await connection.execute(delete(table).where(table.c.whose == whose))

    async def purge(self) -> int:
        """Delete what has expired; gives how many."""
        async with self._store.begin() as connection:
            done = await connection.execute(delete(table).where(table.c.expires_at <= self._clock()))
        if done.rowcount:
            await self._store.scrub()
        return done.rowcount

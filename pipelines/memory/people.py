"""The rows of people: found by a hash, here as long as their consent, changed with whatever is theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from .tables import episodes, facts, moments, users


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has consented, and when; `id` ends with the consent."""

    id: str
    consented_at: float
    seen_at: float
    version: int


def who(owner: str, user: str) -> str:
    """How a person is found: by a hash, so that the client's id for them is not kept."""
    return hashlib.sha256(f"{owner}\0{user}".encode(errors="replace")).hexdigest()


async def find(connection: AsyncConnection, whose: str) -> Person | None:
    """By their hash."""
    row = (await connection.execute(select(users).where(users.c.who == whose))).first()
    return None if row is None else as_person(row)


def as_person(row: Any) -> Person:
    return Person(row.id, row.consented_at, row.seen_at, row.version)


async def touch(connection: AsyncConnection, person_id: str, now: float) -> bool:
    """Whether the person is (still) known; they change now. Takes the row, so that nobody forgets them meanwhile."""
    done = await connection.execute(
        update(users).where(users.c.id == person_id).values(seen_at=now, version=users.c.version + 1)
    )
    return done.rowcount == 1


async def bump(connection: AsyncConnection, person_id: str) -> None:
    """Something of theirs has changed: caches are stale."""
    await connection.execute(update(users).where(users.c.id == person_id).values(version=users.c.version + 1))


async def remove(connection: AsyncConnection, ids: Sequence[str]) -> int:
    """Delete people with all that is theirs; gives how many they are."""
    for table in (facts, moments, episodes):
        await connection.execute(delete(table).where(table.c.user_id.in_(ids)))
    await connection.execute(delete(users).where(users.c.id.in_(ids)))
    return len(ids)

"""What is remembered, in tables: consent, facts, moments, episodes. One transaction a call."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, Table, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import Database, MemoryGone
from .facts import Fact, Kind
from .migrating import version
from .sealing import PLAIN, Sealer, Unreadable, name_of_seal
from .tables import KEPT, SEALED, episodes, facts, moments, users

Vector = NDArray[np.float32]
SAME = 0.92
"""Cosine from which two facts of a kind are one."""
RESEALED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has consented, and when; `id` ends with the consent."""

    id: str
    consented_at: float
    seen_at: float
    version: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact as it is kept; `vector` is its embedding, float32 [n], length 1."""

    id: str
    kind: Kind
    text: str
    importance: float
    timed: bool
    corrected: bool
    conversation: str
    said_at: float
    recalled_at: float | None
    vector: Vector


@dataclass(frozen=True, slots=True)
class NewFact:
    fact: Fact
    vector: Vector


@dataclass(frozen=True, slots=True)
class TurnNotes:
    """All that is kept of a turn; `recalled` is the fact that the reply was given."""

    conversation: str
    at: float
    facts: tuple[NewFact, ...] = ()
    appraisal: dict[str, Any] | None = None
    recalled: str | None = None


def who(owner: str, user: str) -> str:
    """How a person is found: by a hash, so that the client's id for them is not kept."""
    return hashlib.sha256(f"{owner}\0{user}".encode(errors="replace")).hexdigest()


class MemoryStore:
    """Every method raises MemoryGone where the database cannot be reached, or a key is missing."""

    def __init__(self, database: Database, sealer: Sealer, *, most_facts: int = 200) -> None:
        self._database = database
        self._sealer = sealer
        self._most_facts = most_facts

    async def close(self) -> None:
        await self._database.close()

    # -- consent -----------------------------------------------------------------------------------

    async def person(self, owner: str, user: str) -> Person | None:
        if not self._database.there:
            return None
        async with self._database.begin() as connection:
            return await _person(connection, who(owner, user))

    async def consent(self, owner: str, user: str, now: float) -> Person:
        """Record that this person has consented, if that was not known."""
        whose = who(owner, user)
        try:
            async with self._database.begin() as connection:
                if (found := await _person(connection, whose)) is not None:
                    return found
                made = Person(f"person_{secrets.token_hex(12)}", now, now, 1)
                row = {"id": made.id, "consented_at": now, "seen_at": now, "version": 1}
                await connection.execute(insert(users).values(owner=owner, who=whose, **row))
                return made
        except MemoryGone as gone:  # another server was first
            if isinstance(gone.__cause__, IntegrityError) and (found := await self.person(owner, user)):
                return found
            raise

    # -- turns -------------------------------------------------------------------------------------

    async def add(self, person_id: str, notes: TurnNotes) -> bool:
        """Keep what there is of a turn. False: this person's consent has ended, and nothing was kept."""
        async with self._database.begin() as connection:
            if not await _touch(connection, person_id, notes.at):
                return False
            known = await self._facts(connection, person_id)
            for place, new in enumerate(notes.facts):  # a microsecond apart, so that they stay in order
                await self._learn(connection, person_id, known, new, replace(notes, at=notes.at + place * 1e-6))
            if notes.appraisal is not None:
                row = {"id": f"moment_{secrets.token_hex(12)}", "user_id": person_id, "at": notes.at}
                sealed = self._sealed(notes.appraisal)
                await connection.execute(
                    insert(moments).values(conversation=notes.conversation, appraisal=sealed, **row)
                )
            if notes.recalled is not None:
                await connection.execute(
                    update(facts)
                    .where(facts.c.id == notes.recalled, facts.c.user_id == person_id)
                    .values(recalled_at=notes.at)
                )
            await self._trim(connection, person_id)
        return True

    async def add_episode(
        self, person_id: str, conversation: str, began: float, ended: float, summary: dict[str, Any]
    ) -> bool:
        """Keep how a conversation went. False: this person's consent has ended."""
        async with self._database.begin() as connection:
            if not await _touch(connection, person_id, ended):
                return False
            row = {"id": f"episode_{secrets.token_hex(12)}", "user_id": person_id, "conversation": conversation}
            await connection.execute(
                insert(episodes).values(began=began, ended=ended, summary=self._sealed(summary), **row)
            )
        return True

    async def facts(self, person_id: str) -> list[Kept]:
        """Oldest first."""
        async with self._database.begin() as connection:
            return await self._facts(connection, person_id)

    # -- what people may ask for -------------------------------------------------------------------

    async def export(self, owner: str, user: str) -> dict[str, Any] | None:
        """Everything about a person, as plain JSON values; None where nothing is."""
        if not self._database.there:
            return None
        async with self._database.begin() as connection:
            person = await _person(connection, who(owner, user))
            if person is None:
                return None
            felt = await connection.execute(_of(moments, person.id).order_by(moments.c.at))
            went = await connection.execute(_of(episodes, person.id).order_by(episodes.c.began))
            return {
                "consent": {"given": True, "at": round(person.consented_at)},
                "facts": [record(kept) for kept in await self._facts(connection, person.id)],
                "moments": [{"at": round(row.at), **self._opened(row.appraisal)} for row in felt],
                "episodes": [
                    {"began": round(row.began), "ended": round(row.ended), **self._opened(row.summary)} for row in went
                ],
            }

    async def fact(self, owner: str, fact_id: str) -> tuple[Person, Kept] | None:
        """A fact, if it belongs to one of this owner's people."""
        if not self._database.there:
            return None
        async with self._database.begin() as connection:
            query = select(users).join(facts, facts.c.user_id == users.c.id)
            row = (await connection.execute(query.where(facts.c.id == fact_id, users.c.owner == owner))).first()
            if row is None:
                return None
            known = await self._facts(connection, row.id)
            return _as_person(row), next(kept for kept in known if kept.id == fact_id)

    async def correct(self, owner: str, fact_id: str, text: str, vector: Vector) -> bool:
        """Replace a fact's words by the person's own; what they say later does not change it any more."""
        if not self._database.there:
            return False
        async with self._database.begin() as connection:
            owned = select(users.c.id).where(users.c.owner == owner)
            done = await connection.execute(
                update(facts)
                .where(facts.c.id == fact_id, facts.c.user_id.in_(owned))
                .values(text=self._seal_text(text), vector=self._seal_vector(vector), corrected=True)
                .returning(facts.c.user_id)
            )
            changed = done.scalar()
            if changed is not None:
                await _bump(connection, changed)
        await self._database.scrub()
        return changed is not None

    async def forget(self, owner: str, fact_id: str) -> bool:
        """Forget one fact. False: this owner's people have none of this id."""
        if not self._database.there:
            return False
        async with self._database.begin() as connection:
            owned = select(users.c.id).where(users.c.owner == owner)
            done = await connection.execute(
                delete(facts).where(facts.c.id == fact_id, facts.c.user_id.in_(owned)).returning(facts.c.user_id)
            )
            changed = done.scalar()
            if changed is not None:
                await _bump(connection, changed)
        await self._database.scrub()
        return changed is not None

    async def forget_all(self, owner: str, user: str) -> int:
        """Forget a person and their consent; gives how many facts that were."""
        if not self._database.there:
            return 0
        async with self._database.begin() as connection:
            person = await _person(connection, who(owner, user))
            if person is None:
                return 0
            count = select(func.count()).select_from(facts).where(facts.c.user_id == person.id)
            number = (await connection.execute(count)).scalar_one()
            await _delete_people(connection, [person.id])
        await self._database.scrub()
        return int(number)

    # -- upkeep ------------------------------------------------------------------------------------

    async def purge(self, before: float) -> int:
        """Forget what was said, felt or done before this time, and people not seen since; gives the rows."""
        if not self._database.there:
            return 0
        gone = 0
        async with self._database.begin() as connection:
            for table, when in ((facts, facts.c.said_at), (moments, moments.c.at), (episodes, episodes.c.ended)):
                done = await connection.execute(delete(table).where(when < before).returning(table.c.user_id))
                touched = [row.user_id for row in done]
                gone += len(touched)
                for person_id in set(touched):
                    await _bump(connection, person_id)
            unseen = [row.id for row in await connection.execute(select(users.c.id).where(users.c.seen_at < before))]
            gone += await _delete_people(connection, unseen)
        if gone or self._database.unscrubbed:
            await self._database.scrub()
        return gone

    async def reseal(self) -> int:
        """Seal anew what is not under the first key, a few at a time; gives the rows."""
        changed = 0
        for table, columns in SEALED:
            while self._database.there and (done := await self._reseal_some(table, columns)):
                changed += done
        if changed:
            await self._database.scrub()
        return changed

    async def _reseal_some(self, table: Table, columns: Sequence[str]) -> int:
        prefix = self._sealer.prefix
        stale = [func.substr(table.c[name], 1, len(prefix), type_=LargeBinary()) != prefix for name in columns]
        async with self._database.begin() as connection:
            query = select(table).where(or_(*stale)).limit(RESEALED_AT_ONCE)
            rows = (await connection.execute(query)).mappings().all()
            for row in rows:
                anew = {name: self._sealer.seal(self._open(row[name])) for name in columns}
                await connection.execute(update(table).where(table.c.id == row["id"]).values(**anew))
        return len(rows)

    async def status(self) -> dict[str, Any]:
        """How much is kept, of how old, and under which keys; nobody's words."""
        if not self._database.there:
            return {"version": None, "rows": {}, "oldest": None, "keys": {}}
        async with self._database.begin() as connection:
            rows = {
                table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in KEPT
            }
            oldest = (await connection.execute(select(func.min(users.c.consented_at)))).scalar()
            sealed: Counter[str] = Counter()
            for table, columns in SEALED:
                start = func.substr(table.c[columns[0]], 1, len(PLAIN) + 8, type_=LargeBinary())
                for name, number in await connection.execute(select(start, func.count()).group_by(start)):
                    sealed[name_of_seal(bytes(name))] += number
            return {
                "version": await connection.run_sync(version),
                "rows": rows,
                "oldest": oldest,
                "keys": dict(sealed),
            }

    # -- inside ------------------------------------------------------------------------------------

    async def _facts(self, connection: AsyncConnection, person_id: str) -> list[Kept]:
        rows = await connection.execute(_of(facts, person_id).order_by(facts.c.said_at, facts.c.id))
        return [self._kept(row) for row in rows]

    async def _learn(
        self, connection: AsyncConnection, person_id: str, known: list[Kept], new: NewFact, notes: TurnNotes
    ) -> None:
        """Add a fact, or refresh the one that says the same; a person has one name, and what they corrected stays."""
        same = [kept for kept in known if kept.kind is new.fact.kind and _says_the_same(kept, new)]
        if any(kept.corrected for kept in same):
            return
        row = {
            "conversation": notes.conversation,
            "text": self._seal_text(new.fact.text),
            "vector": self._seal_vector(new.vector),
            "importance": new.fact.importance,
            "timed": new.fact.timed,
            "said_at": notes.at,
        }
        if same:
            await connection.execute(update(facts).where(facts.c.id == same[0].id).values(**row))
            return
        row |= {"id": f"fact_{secrets.token_hex(12)}", "user_id": person_id, "corrected": False}
        await connection.execute(insert(facts).values(kind=str(new.fact.kind), **row))
        known[:] = await self._facts(connection, person_id)

    async def _trim(self, connection: AsyncConnection, person_id: str) -> None:
        """Keep the most facts that one person may have: the least important and oldest go."""
        order = (facts.c.corrected.desc(), facts.c.importance.desc(), facts.c.said_at.desc())
        surplus = select(facts.c.id).where(facts.c.user_id == person_id).order_by(*order).offset(self._most_facts)
        ids = [row.id for row in await connection.execute(surplus)]
        if ids:
            await connection.execute(delete(facts).where(facts.c.id.in_(ids)))

    def _kept(self, row: Any) -> Kept:
        return Kept(
            row.id,
            Kind(row.kind),
            self._open(row.text).decode(),
            row.importance,
            row.timed,
            row.corrected,
            row.conversation,
            row.said_at,
            row.recalled_at,
            np.frombuffer(self._open(row.vector), np.float16).astype(np.float32),
        )

    def _seal_text(self, text: str) -> bytes:
        return self._sealer.seal(text.encode(errors="replace"))

    def _seal_vector(self, vector: Vector) -> bytes:
        return self._sealer.seal(vector.astype(np.float16).tobytes())

    def _sealed(self, value: dict[str, Any]) -> bytes:
        return self._seal_text(json.dumps(value, ensure_ascii=False))

    def _opened(self, field: bytes) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._open(field))
        return value

    def _open(self, field: bytes) -> bytes:
        try:
            return self._sealer.open(bytes(field))
        except Unreadable as error:
            raise MemoryGone(str(error)) from error


def record(kept: Kept) -> dict[str, Any]:
    """A fact as a client sees it."""
    return {
        "id": kept.id,
        "object": "memory.fact",
        "kind": str(kept.kind),
        "text": kept.text,
        "importance": round(kept.importance, 2),
        "corrected": kept.corrected,
        "said_at": round(kept.said_at),
        "recalled_at": None if kept.recalled_at is None else round(kept.recalled_at),
    }


def _says_the_same(kept: Kept, new: NewFact) -> bool:
    if kept.kind is Kind.NAME or kept.text.lower() == new.fact.text.lower():
        return True
    return kept.vector.shape == new.vector.shape and float(kept.vector @ new.vector) >= SAME


def _of(table: Any, person_id: str) -> Any:
    return select(table).where(table.c.user_id == person_id)


async def _person(connection: AsyncConnection, whose: str) -> Person | None:
    row = (await connection.execute(select(users).where(users.c.who == whose))).first()
    return None if row is None else _as_person(row)


def _as_person(row: Any) -> Person:
    return Person(row.id, row.consented_at, row.seen_at, row.version)


async def _touch(connection: AsyncConnection, person_id: str, now: float) -> bool:
    """Whether the person is (still) known; they change now. Takes the row, so that nobody forgets them meanwhile."""
    done = await connection.execute(
        update(users).where(users.c.id == person_id).values(seen_at=now, version=users.c.version + 1)
    )
    return done.rowcount == 1


async def _bump(connection: AsyncConnection, person_id: str) -> None:
    await connection.execute(update(users).where(users.c.id == person_id).values(version=users.c.version + 1))


async def _delete_people(connection: AsyncConnection, ids: Sequence[str]) -> int:
    for table in (facts, moments, episodes):
        await connection.execute(delete(table).where(table.c.user_id.in_(ids)))
    await connection.execute(delete(users).where(users.c.id.in_(ids)))
    return len(ids)

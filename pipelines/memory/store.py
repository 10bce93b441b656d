"""What is remembered, in tables: consent, facts, moments, episodes. One transaction a call."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, Table, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from . import people
from .database import Database, MemoryGone
from .fact_rows import FactRows
from .fields import Fields
from .kept import Kept, TurnNotes, Vector, record
from .migrating import version
from .people import Person, who
from .sealing import PLAIN, Sealer, name_of_seal
from .tables import KEPT, SEALED, episodes, facts, moments, users

RESEALED_AT_ONCE = 500


class MemoryStore:
    """Every method raises MemoryGone where the database cannot be reached, or a key is missing."""

    def __init__(self, database: Database, sealer: Sealer, *, most_facts: int = 200) -> None:
        self._database = database
        self._prefix = sealer.prefix
        self._fields = Fields(sealer)
        self._facts = FactRows(self._fields, most_facts)

    async def close(self) -> None:
        await self._database.close()

    # -- consent -----------------------------------------------------------------------------------

    async def person(self, owner: str, user: str) -> Person | None:
        if not self._database.there:
            return None
        async with self._database.begin() as connection:
            return await people.find(connection, who(owner, user))

    async def consent(self, owner: str, user: str, now: float) -> Person:
        """Record that this person has consented, if that was not known."""
        whose = who(owner, user)
        try:
            async with self._database.begin() as connection:
                if (found := await people.find(connection, whose)) is not None:
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
            if not await people.touch(connection, person_id, notes.at):
                return False
            row = {"id": f"moment_{notes.id}", "user_id": person_id, "at": notes.at}
            if (await connection.execute(select(moments.c.id).where(moments.c.id == row["id"]))).first() is not None:
                return True
            await self._facts.learn(connection, person_id, notes)
            if notes.appraisal is not None:
                sealed = self._fields.seal_record(notes.appraisal)
                await connection.execute(
                    insert(moments).values(conversation=notes.conversation, appraisal=sealed, **row)
                )
            if notes.recalled is not None:
                await connection.execute(
                    update(facts)
                    .where(facts.c.id == notes.recalled, facts.c.user_id == person_id)
                    .values(recalled_at=notes.at)
                )
        return True

    async def add_episode(
        self, person_id: str, conversation: str, began: float, ended: float, summary: dict[str, Any]
    ) -> bool:
        """Keep how a conversation went. False: this person's consent has ended."""
        async with self._database.begin() as connection:
            if not await people.touch(connection, person_id, ended):
                return False
            row = {"id": f"episode_{secrets.token_hex(12)}", "user_id": person_id, "conversation": conversation}
            await connection.execute(
                insert(episodes).values(began=began, ended=ended, summary=self._fields.seal_record(summary), **row)
            )
        return True

    async def facts(self, person_id: str) -> list[Kept]:
        """Oldest first."""
        async with self._database.begin() as connection:
            return await self._facts.read(connection, person_id)

    # -- what people may ask for -------------------------------------------------------------------

    async def export(self, owner: str, user: str) -> dict[str, Any] | None:
        """Everything about a person, as plain JSON values; None where nothing is."""
        if not self._database.there:
            return None
        async with self._database.begin() as connection:
            person = await people.find(connection, who(owner, user))
            if person is None:
                return None
            felt = await connection.execute(
                select(moments).where(moments.c.user_id == person.id).order_by(moments.c.at)
            )
            went = await connection.execute(
                select(episodes).where(episodes.c.user_id == person.id).order_by(episodes.c.began)
            )
            return {
                "consent": {"given": True, "at": round(person.consented_at)},
                "facts": [record(kept) for kept in await self._facts.read(connection, person.id)],
                "moments": [{"at": round(row.at), **self._fields.open_record(row.appraisal)} for row in felt],
                "episodes": [
                    {"began": round(row.began), "ended": round(row.ended), **self._fields.open_record(row.summary)}
                    for row in went
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
            known = await self._facts.read(connection, row.id)
            return people.as_person(row), next(kept for kept in known if kept.id == fact_id)

    async def correct(self, owner: str, fact_id: str, text: str, vector: Vector) -> bool:
        """Replace a fact's words by the person's own; what they say later does not change it any more."""
        if not self._database.there:
            return False
        async with self._database.begin() as connection:
            owned = select(users.c.id).where(users.c.owner == owner)
            done = await connection.execute(
                update(facts)
                .where(facts.c.id == fact_id, facts.c.user_id.in_(owned))
                .values(text=self._fields.seal_text(text), vector=self._fields.seal_vector(vector), corrected=True)
                .returning(facts.c.user_id)
            )
            changed = done.scalar()
            if changed is not None:
                await people.bump(connection, changed)
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
                await people.bump(connection, changed)
        await self._database.scrub()
        return changed is not None

    async def forget_all(self, owner: str, user: str) -> int:
        """Forget a person and their consent; gives how many facts that were."""
        if not self._database.there:
            return 0
        async with self._database.begin() as connection:
            person = await people.find(connection, who(owner, user))
            if person is None:
                return 0
            count = select(func.count()).select_from(facts).where(facts.c.user_id == person.id)
            number = (await connection.execute(count)).scalar_one()
            await people.remove(connection, [person.id])
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
                    await people.bump(connection, person_id)
            unseen = [row.id for row in await connection.execute(select(users.c.id).where(users.c.seen_at < before))]
            gone += await people.remove(connection, unseen)
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
        starts = [func.substr(table.c[name], 1, len(self._prefix), type_=LargeBinary()) for name in columns]
        async with self._database.begin() as connection:
            query = select(table).where(or_(*(start != self._prefix for start in starts))).limit(RESEALED_AT_ONCE)
            rows = (await connection.execute(query)).mappings().all()
            for row in rows:
                anew = {name: self._fields.sealed_anew(row[name]) for name in columns}
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

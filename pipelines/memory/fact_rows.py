"""The rows of facts, within a transaction: learnt, refreshed, read, and kept to a number."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from .facts import Kind
from .fields import Fields
from .kept import Kept, NewFact, TurnNotes
from .tables import facts

SAME = 0.92
"""Cosine from which two facts of a kind are one."""


class FactRows:
    """`most` is how many one person may have."""

    def __init__(self, fields: Fields, most: int) -> None:
        self._fields = fields
        self._most = most

    async def read(self, connection: AsyncConnection, person_id: str) -> list[Kept]:
        """A person's, oldest first."""
        query = select(facts).where(facts.c.user_id == person_id).order_by(facts.c.said_at, facts.c.id)
        return [self._kept(row) for row in await connection.execute(query)]

    async def learn(self, connection: AsyncConnection, person_id: str, notes: TurnNotes) -> None:
        """Add what a turn told, and let go of what is too much."""
        known: list[Kept] | None = None
        for place, new in enumerate(notes.facts):  # a microsecond apart, so that they stay in order
            known = await self.read(connection, person_id) if known is None else known
            if await self._learn_one(connection, person_id, known, new, replace(notes, at=notes.at + place * 1e-6)):
                known = None
        await self._trim(connection, person_id)

    async def _learn_one(
        self, connection: AsyncConnection, person_id: str, known: list[Kept], new: NewFact, notes: TurnNotes
    ) -> bool:
        """Add a fact, or refresh the one that says the same; a person has one name, and what they corrected stays.
        Whether anything was written."""
        same = [kept for kept in known if kept.kind is new.fact.kind and _says_the_same(kept, new)]
        if any(kept.corrected for kept in same):
            return False
        row = {
            "conversation": notes.conversation,
            "text": self._fields.seal_text(new.fact.text),
            "vector": self._fields.seal_vector(new.vector),
            "importance": new.fact.importance,
            "timed": new.fact.timed,
            "said_at": notes.at,
        }
        if same:
            await connection.execute(update(facts).where(facts.c.id == same[0].id).values(**row))
            return True
        row |= {"id": f"fact_{secrets.token_hex(12)}", "user_id": person_id, "corrected": False}
        await connection.execute(insert(facts).values(kind=str(new.fact.kind), **row))
        return True

    async def _trim(self, connection: AsyncConnection, person_id: str) -> None:
        """The least important and oldest go."""
        order = (facts.c.corrected.desc(), facts.c.importance.desc(), facts.c.said_at.desc())
        surplus = select(facts.c.id).where(facts.c.user_id == person_id).order_by(*order).offset(self._most)
        ids = [row.id for row in await connection.execute(surplus)]
        if ids:
            await connection.execute(delete(facts).where(facts.c.id.in_(ids)))

    def _kept(self, row: Any) -> Kept:
        return Kept(
            row.id,
            Kind(row.kind),
            self._fields.open_text(row.text),
            row.importance,
            row.timed,
            row.corrected,
            row.conversation,
            row.said_at,
            row.recalled_at,
            self._fields.open_vector(row.vector),
        )


def _says_the_same(kept: Kept, new: NewFact) -> bool:
    if kept.kind is Kind.NAME or kept.text.lower() == new.fact.text.lower():
        return True
    return kept.vector.shape == new.vector.shape and float(kept.vector @ new.vector) >= SAME

"""The tables of what is remembered. Times are seconds since the epoch (UTC).

A change of these brings a step in `migrations/versions`; a test holds the steps against this file."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

metadata = MetaData()

schema = Table("affetto_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

users = Table(
    "affetto_users",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("who", String(64), nullable=False, unique=True),
    Column("consented_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Index("affetto_users_seen", "seen_at"),
)
"""One row a person who consented. `who` is a hash of owner and the client's id for them, which itself is not kept;
`version` counts changes, so that caches know."""


def _of_user() -> Column[str]:
    return Column("user_id", String(40), ForeignKey("affetto_users.id", ondelete="CASCADE"), nullable=False)


facts = Table(
    "affetto_facts",
    metadata,
    Column("id", String(40), primary_key=True),
    _of_user(),
    Column("conversation", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("importance", Double, nullable=False),
    Column("timed", Boolean, nullable=False),
    Column("corrected", Boolean, nullable=False),
    Column("said_at", Double, nullable=False),
    Column("recalled_at", Double),
    Index("affetto_facts_user", "user_id"),
    Index("affetto_facts_said", "said_at"),
)

moments = Table(
    "affetto_moments",
    metadata,
    Column("id", String(40), primary_key=True),
    _of_user(),
    Column("conversation", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("appraisal", LargeBinary, nullable=False),
    Index("affetto_moments_user", "user_id", "at"),
    Index("affetto_moments_at", "at"),
)
"""How the person felt, turn by turn: appraisals, no words but the cause's."""

episodes = Table(
    "affetto_episodes",
    metadata,
    Column("id", String(40), primary_key=True),
    _of_user(),
    Column("conversation", String(64), nullable=False),
    Column("began", Double, nullable=False),
    Column("ended", Double, nullable=False),
    Column("summary", LargeBinary, nullable=False),
    Index("affetto_episodes_user", "user_id"),
    Index("affetto_episodes_ended", "ended"),
)
"""How each conversation went, from its first mood to its last."""

KEPT = (users, facts, moments, episodes)
SEALED = ((facts, ("text", "vector")), (moments, ("appraisal",)), (episodes, ("summary",)))
"""Columns that are encrypted where there is a key."""

"""The first tables: consent, facts, moments, episodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "affetto_schema",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )
    op.execute("INSERT INTO affetto_schema (version) VALUES (1)")
    op.create_table(
        "affetto_users",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("who", sa.String(64), nullable=False, unique=True),
        sa.Column("consented_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "affetto_facts",
        sa.Column("id", sa.String(40), primary_key=True),
        _of_user(),
        sa.Column("conversation", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("importance", sa.Double, nullable=False),
        sa.Column("timed", sa.Boolean, nullable=False),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.Column("said_at", sa.Double, nullable=False),
        sa.Column("recalled_at", sa.Double),
    )
    op.create_index("affetto_facts_user", "affetto_facts", ["user_id"])
    op.create_table(
        "affetto_moments",
        sa.Column("id", sa.String(40), primary_key=True),
        _of_user(),
        sa.Column("conversation", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("appraisal", sa.LargeBinary, nullable=False),
    )
    op.create_index("affetto_moments_user", "affetto_moments", ["user_id", "at"])
    op.create_table(
        "affetto_episodes",
        sa.Column("id", sa.String(40), primary_key=True),
        _of_user(),
        sa.Column("conversation", sa.String(64), nullable=False),
        sa.Column("began", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=False),
        sa.Column("summary", sa.LargeBinary, nullable=False),
    )
    op.create_index("affetto_episodes_user", "affetto_episodes", ["user_id"])


def _of_user() -> sa.Column[str]:
    return sa.Column("user_id", sa.String(40), sa.ForeignKey("affetto_users.id", ondelete="CASCADE"), nullable=False)

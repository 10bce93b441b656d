"""What is past its time is found by an index. Servers that know only the first tables stay away from now on."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("affetto_users_seen", "affetto_users", ["seen_at"])
    op.create_index("affetto_facts_said", "affetto_facts", ["said_at"])
    op.create_index("affetto_moments_at", "affetto_moments", ["at"])
    op.create_index("affetto_episodes_ended", "affetto_episodes", ["ended"])
    op.execute("UPDATE affetto_schema SET version = 2")

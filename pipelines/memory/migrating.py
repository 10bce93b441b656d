"""Brings a database's tables to this version: all steps in one transaction, by one server at a time."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

FOLDER = Path(__file__).parent / "migrations"
VERSIONS = "affetto_alembic"
FIRST = "0001"
"""What tables are of that were made before there were steps."""


class Newer(Exception):
    """The tables are of a version that this server does not know."""


def newest() -> str:
    """The version of the tables that this server works with."""
    head = _steps().get_current_head()
    assert head is not None
    return head


def version(connection: Connection) -> str | None:
    """The version of a database's tables; `None` where there are none."""
    found = _context(connection).get_current_revision()
    if found is None and inspect(connection).has_table("affetto_schema"):
        return FIRST
    return found


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Take the steps that are missing, in the transaction that this connection is in; gives the version before and
    after. Raises Newer."""
    _lock(connection)
    before, script, head = version(connection), _steps(), newest()
    if before is not None and before not in {step.revision for step in script.walk_revisions()}:
        raise Newer(f"the memory's tables are of version {before}, this server knows {head}; use the newer Affetto")
    if before == head:
        return before, head

    if _context(connection).get_current_revision() is None and before is not None:
        _context(connection).stamp(script, before)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with EnvironmentContext(config, script, fn=lambda at, _: script._upgrade_revs(head, at)) as environment:
        environment.configure(connection=connection, version_table=VERSIONS)
        environment.run_migrations()
    return before, head


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSIONS})


def _steps() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))


def _lock(connection: Connection) -> None:
    """Two servers may start at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7106)"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

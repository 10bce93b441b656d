"""Event logs of sessions on disk, for `affetto replay`: what was said stands in them, in words; no sound."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from ..pipelines.duplex import eventlog
from ..pipelines.duplex.config import SessionConfig
from ..pipelines.duplex.observe import Record, SessionClosed, SessionOpened, Stepped
from ..pipelines.duplex.policy import DuplexPolicy

log = logging.getLogger(__name__)

SUFFIX = ".log"
UPKEEP_S = 3600.0


class EventLog:
    """One session's file, readable by the server's user only. Where it cannot be written, it ends."""

    def __init__(
        self, folder: Path, session_id: str, config: SessionConfig, policy: DuplexPolicy, owner: str = ""
    ) -> None:
        """`owner` is whose key opened the session: they may have it deleted with all that is kept of a person."""
        self.path = folder / f"{session_id}{SUFFIX}"
        self._header = json.dumps({"owner": owner} | json.loads(eventlog.header(session_id, config, policy)))
        self._file: TextIO | None = None

    def observe(self, record: Record) -> None:
        try:
            match record:
                case SessionOpened():
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = open(self.path, "x", 1, "utf-8", opener=_private)  # noqa: SIM115 - by lines: `forget` reads it
                    self._write(self._header)
                case Stepped():
                    self._write(eventlog.line(record.event, record.actions))
                case SessionClosed() if self._file is not None:
                    self._file.close()
        except OSError as error:
            log.error("the event log %s ends here: %s", self.path, error.strerror or error)
            self._file = None

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")


def forget(folder: Path, owner: str, user: str) -> int:
    """Delete the logs of sessions that named this person, also while one is being written; gives how many. One whose
    owner cannot be told is deleted where the person fits. Raises OSError."""
    found = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if _is_of(path, owner, user)]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def drop_old(folder: Path, keep_s: float) -> int:
    """Delete logs that nothing has been written to for so long; gives how many."""
    limit = time.time() - keep_s
    old = [path for path in folder.glob(f"*{SUFFIX}") if path.stat().st_mtime < limit]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


@asynccontextmanager
async def retained(folder: Path | None, keep_s: float | None) -> AsyncIterator[None]:
    """Delete what is too old, at once and hourly, while the body runs."""
    if folder is None or keep_s is None:
        yield
        return
    task = asyncio.create_task(_retain(folder, keep_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _retain(folder: Path, keep_s: float) -> None:
    while True:
        try:
            await asyncio.to_thread(drop_old, folder, keep_s)
        except OSError as error:
            log.error("event logs past their time cannot be deleted: %s", error.strerror)
        await asyncio.sleep(UPKEEP_S)


def _is_of(path: Path, owner: str, user: str) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        first = next(lines, "")
        if _field(first, "owner") not in (None, owner):
            return False
        return user in _people(first) or any(user in _people(line) for line in lines)


def _people(line: str) -> Iterator[str]:
    """Whom a line's configuration names."""
    if '"empathy"' not in line:
        return
    for holder in (_field(line, "config"), _field(line, "command")):
        config = holder.get("config", holder) if isinstance(holder, dict) else None
        empathy = config.get("empathy") if isinstance(config, dict) else None
        if isinstance(empathy, dict) and isinstance(empathy.get("user"), str):
            yield empathy["user"]


def _field(line: str, name: str) -> object:
    try:
        record = json.loads(line)
    except ValueError:  # the last line of a server that was killed
        return None
    return record.get(name) if isinstance(record, dict) else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

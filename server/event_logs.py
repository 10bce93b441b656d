"""Event logs of sessions on disk, for `affetto replay`: what was said stands in them, in words; no sound."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TextIO

from ..pipelines.duplex import eventlog
from ..pipelines.duplex.config import SessionConfig
from ..pipelines.duplex.observe import Record, SessionClosed, SessionOpened, Stepped
from ..pipelines.duplex.policy import DuplexPolicy

log = logging.getLogger(__name__)


class EventLog:
    """One session's file, readable by the server's user only. Where it cannot be written, it ends."""

    def __init__(self, folder: Path, session_id: str, config: SessionConfig, policy: DuplexPolicy) -> None:
        self.path = folder / f"{session_id}.log"
        self._header = eventlog.header(session_id, config, policy)
        self._file: TextIO | None = None

    def observe(self, record: Record) -> None:
        try:
            match record:
                case SessionOpened():
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = open(self.path, "x", encoding="utf-8", opener=_private)  # noqa: SIM115
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

"""Logs: plain lines, or one JSON object a line, each with its session and reply. Never what was said, nor a secret."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..models.gate import BackendCalled, BreakerMoved
from ..models.sharing import caller
from ..pipelines.duplex.events import Degraded, HearingFailed
from ..pipelines.duplex.observe import (
    Record,
    ResponseRecorded,
    SessionClosed,
    SessionOpened,
    Stepped,
    reply_number,
)
from .settings import ObserveSection

log = logging.getLogger("affetto")
QUIET = frozenset({"ok", "cancelled"})
"""Ends of calls that are no news."""
PLAIN = "%(asctime)s %(levelname)-7s %(name)s%(where)s: %(message)s"


def configure(section: ObserveSection) -> None:
    """Set up the root logger of this process. Others than ourselves only warn: at lower levels some of them log what
    passes through them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_with_place)
    handler.setFormatter(JsonFormatter() if section.logs == "json" else logging.Formatter(PLAIN))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(section.log_level.upper())


class JsonFormatter(logging.Formatter):
    """One object a line. Of an exception its kind and where it was raised: its message may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "place", {})
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["stack"] = [f"{f.name} ({f.filename}:{f.lineno})" for f in traceback.extract_tb(record.exc_info[2])]
        return json.dumps(line, default=str)


def _with_place(record: logging.LogRecord) -> bool:
    """Which session and reply the code that logs works for."""
    place: dict[str, Any] = {}
    if session := caller.get():
        place["session"] = session
    if number := reply_number.get():
        place["reply"] = number
    record.place = place
    record.where = "".join(f" {key}={value}" for key, value in place.items())
    return True


def observe(record: Record) -> None:
    """The hook's subscriber: a line for each session, response, failed stage, failed call and breaker."""
    match record:
        case Stepped(event=HearingFailed(stage=stage) | Degraded(stage=stage)):
            _tell(logging.WARNING, "a stage failed", session=record.session_id, stage=stage)
        case Stepped():
            pass
        case SessionOpened():
            _tell(logging.INFO, "session opened", session=record.session_id)
        case SessionClosed():
            _tell(logging.INFO, "session closed", session=record.session_id, seconds=round(record.seconds, 3))
        case ResponseRecorded():
            _tell(logging.INFO, "response ended", session=record.session_id, **_response(record))
        case BackendCalled() if record.outcome not in QUIET:
            _tell(logging.WARNING, "a call failed", backend=record.backend, outcome=record.outcome)
        case BreakerMoved():
            _tell(logging.WARNING, "breaker", backend=record.backend, state=str(record.state))


def _response(record: ResponseRecorded) -> dict[str, Any]:
    return {
        "response": record.response_id,
        "status": record.status,
        "timings_ms": dict(record.timings_ms),
        "speculative": record.speculative,
        "degraded": [text.partition(":")[0] for text in record.record.get("degraded", [])],
    }


def _tell(level: int, message: str, **fields: Any) -> None:
    _log: Callable[..., None] = log.log
    told = " ".join(f"{key}={value}" for key, value in fields.items() if key != "timings_ms")
    _log(level, "%s", f"{message}: {told}", extra={"fields": fields})

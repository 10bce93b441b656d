"""A session's events as JSON lines, and the proof that they give the same decisions again.

The log holds what was said, so it is written only where the operator asks for it. It holds no audio.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from . import commands, events
from .actions import Action
from .config import SessionConfig
from .conversation import Conversation
from .policy import DuplexPolicy

_EVENTS = {cls.__name__: TypeAdapter(cls) for cls in events.Event.__args__}
_COMMANDS = {cls.__name__: TypeAdapter(cls) for cls in commands.Command.__args__}
_CONFIG = TypeAdapter(SessionConfig)
_POLICY = TypeAdapter(DuplexPolicy)


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first line at which a replay decided otherwise."""

    line: int
    logged: str
    replayed: str


def header(session_id: str, config: SessionConfig, policy: DuplexPolicy) -> str:
    """The first line of a log."""
    record = {
        "session": session_id,
        "config": _CONFIG.dump_python(config, mode="json"),
        "policy": _POLICY.dump_python(policy, mode="json"),
    }
    return json.dumps(record, ensure_ascii=False)


def line(event: events.Event, actions: Iterable[Action]) -> str:
    """One event and the digest of what was decided on it."""
    kind = type(event).__name__
    record = {"event": kind, **_EVENTS[kind].dump_python(event, mode="json"), "decided": digest(actions)}
    if isinstance(event, events.Commanded):
        record["command_type"] = type(event.command).__name__
    return json.dumps(record, ensure_ascii=False)


def digest(actions: Iterable[Action]) -> str:
    """Short hash of a list of actions, in order."""
    text = "\n".join(f"{type(action).__name__} {_plain(action)}" for action in actions)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def replay(lines: Iterable[str]) -> Divergence | None:
    """Run a log through a fresh conversation; `None` means that every decision was the same.

    Raises:
        ValueError: a line is not of a log.
    """
    rows = iter(lines)
    conversation = _begin(next(rows, ""))
    for number, (event, logged) in enumerate(_parse(rows), start=2):
        replayed = digest(conversation.receive(event))
        if replayed != logged:
            return Divergence(number, logged, replayed)
    return None


def _begin(first: str) -> Conversation:
    try:
        record = json.loads(first)
        config = _CONFIG.validate_python(record["config"])
        policy = _POLICY.validate_python(record["policy"])
        return Conversation(record["session"], config, policy)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"line 1 is not the header of an event log: {error}") from error


def _parse(rows: Iterator[str]) -> Iterator[tuple[events.Event, str]]:
    for number, row in enumerate(rows, start=2):
        try:
            record: dict[str, Any] = json.loads(row)
            logged = record.pop("decided")
            if kind := record.pop("command_type", None):
                record["command"] = _COMMANDS[kind].validate_python(record["command"])
            yield _EVENTS[record.pop("event")].validate_python(record), logged
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} is not of an event log: {error}") from error


def _plain(action: Action) -> str:
    return json.dumps(asdict(action), default=str, sort_keys=True, ensure_ascii=False)

"""JSON as it may come from anybody: one object, of sane numbers and encodable text, each key once. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .wire_errors import ProtocolError, quoted

LONGEST_REASON = 160

_HALF_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that may be half of a pair: only texts with one need the slow check."""
_EVENT_ID = re.compile(r'"event_id"\s*:\s*"([^"\\]{1,512})"')
"""A client's id of its event, where the event as a whole cannot be read."""
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that reorder the text around them (Unicode TR9, explicit directional formatting)."""


def parse(text: str) -> dict[str, Any]:
    """Parse one client event.

    Raises:
        ProtocolError: not JSON, not an object, or with something in it that nobody can mean.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=_finite)
        if not isinstance(value, dict):
            raise ValueError(f"an event is an object, not {type(value).__name__}")
        if _HALF_SURROGATE.search(text):
            _check_encodable(value)
    except RecursionError:
        raise _refusal("it is nested too deeply", text) from None
    except ValueError as error:
        raise _refusal(str(error), text) from None
    return value


def cleaned(text: str) -> str:
    """Text as it may enter a conversation: without control characters and bidirectional overrides."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n"))


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {quoted(double)} stands there twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _check_encodable(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair") from None


def _refusal(why: str, text: str) -> ProtocolError:
    named = _EVENT_ID.search(text)
    event_id = cleaned(named[1]) if named else None
    shown = why.partition(": line")[0][:LONGEST_REASON]
    return ProtocolError("invalid_json", f"The event could not be read as JSON: {shown}.", None, event_id)

"""What a client can do wrong on the wire.

ProtocolError       one bad event; answered by an `error` event, the session goes on
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

LONGEST_QUOTE = 64
"""Characters of a client's own text that an error message repeats."""
TAGS = frozenset(
    {"server_vad", "semantic_vad", "audio/pcm", "audio/pcmu", "audio/pcma", "int", "constrained-int", "literal['inf']"}
)
"""Branches of unions, which pydantic names in a location although the client never wrote them."""


class ProtocolError(Exception):
    """An event that cannot be taken; `param` is the dotted path of what is wrong in it."""

    def __init__(self, code: str, message: str, param: str | None = None, event_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.event_id = event_id


def quoted(value: object) -> str:
    """A client's value as an error may show it: short, printable, on one line."""
    text = value if isinstance(value, str) else repr(value)
    shown = "".join(character if character.isprintable() else "?" for character in text[:LONGEST_QUOTE])
    return f"'{shown}{'...' if len(text) > LONGEST_QUOTE else ''}'"


def from_validation(error: ValidationError, root: str, event_id: str | None) -> ProtocolError:
    """The first thing that pydantic found, with its path below `root`."""
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join([root, *_path(first["loc"])]).strip(".")
    if first["type"] == "missing":
        return ProtocolError("missing_required_parameter", f"Missing required parameter: '{path}'.", path, event_id)
    code = "invalid_type" if first["type"].endswith("_type") else "invalid_value"
    if first["type"] == "extra_forbidden":
        code = "unknown_parameter"
    why = first["msg"].removeprefix("Value error, ").rstrip(".")
    return ProtocolError(code, f"Invalid value for '{path}': {why}.", path, event_id)


def _path(location: Sequence[int | str]) -> list[str]:
    return [str(step)[:LONGEST_QUOTE] for step in location if str(step) not in TAGS]

"""What goes wrong at a chat endpoint, as backend errors that say what to do and hold no secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from ..errors import BackendError, Failed, Overloaded, Refused, Unavailable

LONGEST_QUOTE = 200
"""Characters of an endpoint's own message that are passed on."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom an error is about: address without secrets, model, and the key that must not appear."""

    url: str
    model: str
    key: str

    def quoted(self, message: object) -> str:
        """What the endpoint said, in one line, shortened, without our key."""
        text = " ".join(str(message).split())
        if self.key:
            text = text.replace(self.key, "***")
        return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def unreachable(error: Exception, endpoint: Endpoint) -> BackendError:
    """No answer, or no end of it."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Unavailable(f"no language model answers at {endpoint.url}: start it, or mend `base_url`")
    if isinstance(error, httpx.PoolTimeout):
        return Overloaded(f"all connections to the language model at {endpoint.url} are in use")
    return Failed(f"the connection to the language model at {endpoint.url} broke: {type(error).__name__}")


def refused(status: int, body: bytes, endpoint: Endpoint) -> BackendError:
    """An answer with an error status."""
    said = endpoint.quoted(said_in(body))
    if status in (401, 403):
        return Unavailable(f"the language model at {endpoint.url} refuses the key: set `api_key`")
    if status in (404, 405):
        return Unavailable(f"{endpoint.url} knows no model {endpoint.model!r} or no such path: {said}")
    if status in (429, 503, 529):
        return Overloaded(f"the language model at {endpoint.url} has no room now: {said}")
    kind = Refused if status in (400, 413, 422) else Failed
    return kind(f"the language model at {endpoint.url} answered {status}: {said}")


def failed_midway(error: Any, endpoint: Endpoint) -> Failed:
    """An error event inside a stream that began well."""
    message = error.get("message", error) if isinstance(error, dict) else error
    return Failed(f"the language model at {endpoint.url} stopped: {endpoint.quoted(message)}")


def said_in(body: bytes) -> str:
    """The message in an error's body, or the body as text."""
    text = body.decode(errors="replace")
    try:
        said: Any = json.loads(text)
    except ValueError:
        return text or "no reason given"
    for key in ("error", "detail", "message"):
        said = said.get(key, said) if isinstance(said, dict) else said
    return str(said)

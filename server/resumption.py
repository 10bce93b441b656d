"""How a client that lost its line comes back: what it shows, and what makes that good. No I/O.

    header       Affetto-Resume: TOKEN, and Last-Event-ID: the `event_id` of the last event that it took in
    subprotocol  affetto-resume.TOKEN, affetto-last-event.ID (browsers cannot set headers)

Never the address: addresses are logged by everything between us and the client.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOKEN_HEADER, LAST_HEADER = "affetto-resume", "last-event-id"
TOKEN_SUBPROTOCOL, LAST_SUBPROTOCOL = "affetto-resume.", "affetto-last-event."
SESSION_CHARS = 16

_EVENT_ID = re.compile(r"event_sess_([0-9a-f]{1,64})_(\d{1,18})(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class Return:
    """What a client that comes back shows."""

    token: str
    last_event: str

    @property
    def session_id(self) -> str:
        """Which session its token is of."""
        return self.token[:SESSION_CHARS]

    @property
    def last(self) -> int:
        """The number of the last event that it has; raises ValueError where its id is none of this session."""
        found = _EVENT_ID.fullmatch(self.last_event)
        if found is None or found[1] != self.session_id:
            raise ValueError(self.last_event)
        return int(found[2])


def return_of(headers: Mapping[str, str], protocols: Sequence[str]) -> Return | None:
    """What a request shows, or `None` where it opens a new session."""
    token = headers.get(TOKEN_HEADER) or _offered(protocols, TOKEN_SUBPROTOCOL)
    if token is None:
        return None
    return Return(token, headers.get(LAST_HEADER) or _offered(protocols, LAST_SUBPROTOCOL) or "")


def event_id(session_id: str, number: int, resumption: int = 0) -> str:
    """The id of a session's event: its number orders all of them. The greeting after a resumption has the number of
    the last event before it."""
    return f"event_{session_id}_{number}" + (f"-{resumption}" if resumption else "")


def number_of(event: Mapping[str, Any]) -> int:
    """The number in an event's id."""
    found = _EVENT_ID.fullmatch(event["event_id"])
    if found is None:
        raise ValueError(event["event_id"])
    return int(found[2])


class Pass:
    """The right to come back to one session: one token at a time, known here as a hash. One that was just used stays
    good until its client is heard on the new line, for the answer that carries the next one may be lost, too."""

    def __init__(self, session_id: str, good: Iterable[bytes] = ()) -> None:
        self._session_id = session_id
        self._good: list[bytes] = list(good)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Of the tokens that are good now."""
        return tuple(self._good)

    def renew(self, used: str | None = None) -> str:
        """The next token; no other is good from now on, but for `used`, until `confirm`."""
        token = f"{self._session_id}{secrets.token_urlsafe(24)}"
        self._good = [_hash(given) for given in (used, token) if given is not None]
        return token

    def keep(self, used: str) -> None:
        """The next one could not be made known: `used` stays the one that is good."""
        self._good = [_hash(used)]

    def confirm(self) -> bool:
        """The client has the newest token; gives whether that is news."""
        news = len(self._good) > 1
        del self._good[:-1]
        return news

    def revoke(self) -> None:
        self._good = []

    def fits(self, token: str) -> bool:
        return bool(sum([is_of(token, good) for good in self._good]))


def is_of(token: str, hashed: bytes) -> bool:
    """Whether a hash of a `Pass` is this token's."""
    return hmac.compare_digest(_hash(token), hashed)


def _offered(protocols: Sequence[str], prefix: str) -> str | None:
    return next((offer[len(prefix) :] for offer in protocols if offer.startswith(prefix)), None)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()

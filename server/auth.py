"""Who may come in: API keys, short-lived client secrets for browsers, origins, and how many at once."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .protocol import KEY_SUBPROTOCOL
from .settings import ServerSection

SECRET_PREFIX = "ek_"
MOST_SECRETS = 10_000


class Denied(Exception):
    """Not let in; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever showed a key: `name` is no secret, `None` where none was asked for; `session` is what its client
    secret, if it came by one, was issued for."""

    name: str | None = None
    session: Mapping[str, Any] = field(default_factory=dict)
    by_secret: bool = False


@dataclass(frozen=True, slots=True)
class _Secret:
    expires_at: float
    owner: Guest


class Door:
    """Checks keys and origins and counts sessions. Keys are held and compared as hashes."""

    def __init__(self, settings: ServerSection, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = [_hash(key.get_secret_value()) for key in settings.api_keys]
        self._secrets: dict[bytes, _Secret] = {}
        self._live: Counter[str] = Counter()

    @property
    def open(self) -> bool:
        """Whether no key is asked for."""
        return not self._keys

    @property
    def live(self) -> int:
        """Sessions now."""
        return self._live["server"]

    @property
    def full(self) -> bool:
        return self.live >= self._settings.sessions

    def admit(self, key: str | None, *, secrets_too: bool) -> Guest:
        """Whose key this is; client secrets open nothing but the WebSocket. Raises Denied (401)."""
        shown = key or ""
        hashed = _hash(shown)
        if shown.startswith(SECRET_PREFIX):
            secret = self._secrets.get(hashed)
            if secrets_too and secret is not None and secret.expires_at > self._clock():
                return secret.owner
            raise Denied(401, "invalid_api_key", "This client secret is not valid (any more), or not for this.")
        if self.open:
            return Guest()
        if sum(hmac.compare_digest(hashed, known) for known in self._keys):  # all are compared, whichever fits
            return Guest(hashed.hex()[:12])
        raise Denied(401, "invalid_api_key", "Incorrect API key provided.")

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Pages of other origins stay out, unless they are allowed. Raises Denied (403).

        The server's own pages may come in where their host cannot be a foreign name that was pointed at this
        machine (DNS rebinding), or where a key is asked for besides.
        """
        allowed = self._settings.allowed_origins
        if not origin or origin in allowed or "*" in allowed:
            return
        if origin != "null" and urlsplit(origin).netloc == (host or "") and (not self.open or _is_own(host)):
            return
        raise Denied(403, "origin_not_allowed", "This origin may not open sessions (see server.allowed_origins).")

    def issue_secret(self, owner: Guest, seconds: int, session: Mapping[str, Any]) -> tuple[str, int]:
        """A client secret for sessions that begin as `session` says, and when it expires (s since the epoch).

        Raises Denied (429) while too many are valid.
        """
        now = self._clock()
        self._secrets = {key: secret for key, secret in self._secrets.items() if secret.expires_at > now}
        if len(self._secrets) >= MOST_SECRETS:
            raise Denied(429, "rate_limit_exceeded", "Too many client secrets are valid; let some expire.")
        value, expires_at = SECRET_PREFIX + secrets.token_urlsafe(32), int(now) + seconds
        self._secrets[_hash(value)] = _Secret(expires_at, Guest(owner.name, session, by_secret=True))
        return value, expires_at

    @contextmanager
    def session(self, guest: Guest, address: str) -> Iterator[None]:
        """Take a session's place. Raises Denied (503 where the server is full, else 429)."""
        limits = {"server": self._settings.sessions, f"address {address}": self._settings.sessions_per_address}
        if guest.name is not None:
            limits[f"key {guest.name}"] = self._settings.sessions_per_key
        for name, limit in limits.items():
            if self._live[name] >= limit:
                status = 503 if name == "server" else 429
                where = name.partition(" ")[0]
                message = f"Too many sessions at once (limit of this {where}: {limit}); try again soon."
                raise Denied(status, "too_many_sessions", message)
        self._live.update(list(limits))
        try:
            yield
        finally:
            self._live.subtract(list(limits))
            self._live += Counter()


def key_of(headers: Mapping[str, str], protocols: Sequence[str] = ()) -> str | None:
    """The key that a client shows: in the bearer header, or in the subprotocol that browsers use; never in the URL."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return next((offer[len(KEY_SUBPROTOCOL) :] for offer in protocols if offer.startswith(KEY_SUBPROTOCOL)), None)


def _is_own(host: str | None) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()

"""Who may come in, and to what: API keys, short-lived client secrets for browsers, origins, and how many at once."""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .keys import SCOPES, KeyRing, Scope, digest
from .limits import Allowances, neighbourhood
from .protocol import KEY_SUBPROTOCOL
from .settings import ServerSection

SECRET_PREFIX = "ek_"
MOST_SECRETS = 10_000
BURST_S = 10.0
"""So many seconds' worth of requests may come at once."""
LOCAL_ZONES = (".localhost", ".local", ".internal", ".home.arpa")
"""Zones that are not, and will not be, delegated (RFC 6761, 6762, 8375; ICANN on .internal)."""


class Denied(Exception):
    """Not let in; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever showed a key: `name` is its owner, no secret, `None` where no key was asked for; `key` is the key's id,
    and `session` what its client secret, if it came by one, was issued for."""

    name: str | None = None
    session: Mapping[str, Any] = field(default_factory=dict)
    by_secret: bool = False
    key: str | None = None
    scopes: frozenset[Scope] = SCOPES


@dataclass(frozen=True, slots=True)
class Secret:
    """What a client secret opens, until when (s since the epoch)."""

    expires_at: float
    owner: Guest


class Door:
    """Checks keys and origins and counts sessions. Keys are held and compared as hashes."""

    def __init__(self, settings: ServerSection, clock: Callable[[], float] = time.time) -> None:
        """Raises BadKeys."""
        self._settings = settings
        self._clock = clock
        self._ring = KeyRing([key.get_secret_value() for key in settings.api_keys], settings.keys_file, clock)
        self._secrets: dict[bytes, Secret] = {}
        self._live: Counter[str] = Counter()
        self._paces = Allowances(settings.requests_per_s, settings.requests_per_s * BURST_S)

    @property
    def open(self) -> bool:
        """Whether no key is asked for."""
        return self._ring.empty

    @property
    def live(self) -> int:
        """Sessions now."""
        return self._live["server"]

    @property
    def full(self) -> bool:
        return self.live >= self._settings.sessions

    def welcome(self, key: str | None, scope: Scope | None, address: str, *, secrets_too: bool = False) -> Guest:
        """Whose key this is, if they do not ask too often. Raises Denied (401, 403, 429)."""
        here = f"address {neighbourhood(address)}"
        try:
            guest = self.admit(key, scope, secrets_too=secrets_too)
        except Denied:
            self._pace(f"stranger at {here}")
            raise
        self._pace(here if guest.key is None else f"key {guest.key}")
        return guest

    def _pace(self, name: str) -> None:
        if not self._paces.try_take(name):
            each = "a second on average (server.requests_per_s)"
            message = f"Too many requests: there may be {self._settings.requests_per_s:g} {each}."
            raise Denied(429, "rate_limit_exceeded", message)

    def admit(self, key: str | None, scope: Scope | None = None, *, secrets_too: bool = False) -> Guest:
        """Whose key this is; client secrets open nothing but the WebSocket. Raises Denied (401; 403 where the key is
        good but not for this)."""
        shown = key or ""
        if shown.startswith(SECRET_PREFIX):
            guest = self._by_secret(shown) if secrets_too else None
            if guest is None:
                raise Denied(401, "invalid_api_key", "This client secret is not valid (any more), or not for this.")
        elif self.open:
            return Guest()
        elif (record := self._ring.find(shown)) is not None:
            guest = Guest(record.owner, key=record.id, scopes=record.scopes)
        else:
            raise Denied(401, "invalid_api_key", "Incorrect API key provided.")
        if scope is not None and scope not in guest.scopes:
            raise Denied(403, "insufficient_scope", f"This key does not have the scope {scope!r}.")
        return guest

    def knows(self, guest: Guest) -> bool:
        """Whether the key by which somebody came in is still good."""
        return guest.key is None or self._ring.good(guest.key)

    def _by_secret(self, shown: str) -> Guest | None:
        secret = self._secrets.get(digest(shown))
        if secret is None or secret.expires_at <= self._clock() or not self.knows(secret.owner):
            return None
        return secret.owner

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

    def check_host(self, host: str | None) -> None:
        """A server without keys answers no foreign name that was pointed at this machine (DNS rebinding): whoever
        owns it could read, by a page of theirs, what is remembered here. Raises Denied (403)."""
        allowed = self._settings.allowed_origins
        if not self.open or _is_own(host) or "*" in allowed or host in {urlsplit(origin).netloc for origin in allowed}:
            return
        message = "Without keys this server answers to addresses and local names only; set keys, or name this host"
        raise Denied(403, "host_not_allowed", f"{message} in server.allowed_origins.")

    def secret(self, value: str) -> Secret:
        """What one that was just issued opens."""
        return self._secrets[digest(value)]

    def learn(self, value: str, secret: Secret) -> None:
        """Take another server's client secret for one of ours."""
        self._drop_expired()
        self._secrets[digest(value)] = secret

    def issue_secret(self, owner: Guest, seconds: int, session: Mapping[str, Any]) -> tuple[str, int]:
        """A client secret for sessions that begin as `session` says, and when it expires (s since the epoch).

        Raises Denied (429) while too many are valid.
        """
        self._drop_expired()
        if len(self._secrets) >= MOST_SECRETS:
            raise Denied(429, "rate_limit_exceeded", "Too many client secrets are valid; let some expire.")
        value, expires_at = SECRET_PREFIX + secrets.token_urlsafe(32), int(self._clock()) + seconds
        self._secrets[digest(value)] = Secret(expires_at, replace(owner, session=session, by_secret=True))
        return value, expires_at

    def _drop_expired(self) -> None:
        now = self._clock()
        self._secrets = {key: secret for key, secret in self._secrets.items() if secret.expires_at > now}

    @contextmanager
    def session(self, guest: Guest, address: str) -> Iterator[None]:
        """Take a session's place. Raises Denied (503 where the server is full, else 429)."""
        here = f"address {neighbourhood(address)}"
        limits = {"server": self._settings.sessions, here: self._settings.sessions_per_address}
        if guest.key is not None:
            limits[f"key {guest.key}"] = self._settings.sessions_per_key
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


def scope_of(path: str) -> Scope | None:
    """What a key must be good for to get there by HTTP; `None`: any key will do."""
    if path.startswith("/v1/models"):
        return None
    return next((scope for start, scope in _PATHS.items() if path.startswith(start)), "text")


_PATHS: dict[str, Scope] = {
    "/v1/realtime": "talk",
    "/v1/memory": "memory",
    "/v1/sessions": "trace",
    "/metrics": "metrics",
}


def _is_own(host: str | None) -> bool:
    """Whether nobody outside can own this name: an address, or a name that no public zone may have."""
    name = (urlsplit(f"//{host or ''}").hostname or "").rstrip(".")
    if "." not in name or name.endswith(LOCAL_ZONES):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

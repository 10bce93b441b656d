"""Who may come in: API keys, short-lived client secrets for browsers, origins, and how many at once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from .settings import ServerSection

KEY_PROTOCOL = "openai-insecure-api-key."
SECRET_PREFIX = "ek_"
MAX_SECRETS = 10_000


class Denied(Exception):
    """Not let in; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Door:
    """Checks keys and origins and counts sessions. Keys are held and compared as hashes."""

    def __init__(self, settings: ServerSection) -> None:
        self._settings = settings
        self._keys = [_hash(key.get_secret_value()) for key in settings.api_keys]
        self._secrets: dict[bytes, float] = {}
        self._live: Counter[str] = Counter()

    @property
    def open(self) -> bool:
        """Whether no key is asked for."""
        return not self._keys

    def key_of(self, headers: Mapping[str, str], protocols: list[str]) -> str | None:
        """The key that a client shows: bearer header, or the subprotocol that browsers use."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and value.strip():
            return value.strip()
        return next((p[len(KEY_PROTOCOL) :] for p in protocols if p.startswith(KEY_PROTOCOL)), None)

    def admit(self, key: str | None, *, secrets_too: bool) -> str:
        """A name for whoever shows this key. Raises Denied (401)."""
        if self.open:
            return "anyone"
        hashed = _hash(key or "")
        matches = [hmac.compare_digest(hashed, known) for known in self._keys]  # all of them: no early leave
        if any(matches):
            return hashed.hex()[:12]
        if secrets_too and self._secrets.get(hashed, 0) > time.time():
            return hashed.hex()[:12]
        raise Denied(401, "invalid_api_key", "Incorrect API key provided.")

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Pages of other origins stay out, unless they are allowed. Raises Denied (403)."""
        if not origin or origin in self._settings.allowed_origins:
            return
        if host is None or urlsplit(origin).netloc != host:
            raise Denied(403, "origin_not_allowed", "This origin may not open sessions (server.allowed_origins).")

    def issue_secret(self, seconds: int) -> tuple[str, int]:
        """A client secret and when it expires (seconds since the epoch)."""
        now = time.time()
        self._secrets = {key: until for key, until in self._secrets.items() if until > now}
        if len(self._secrets) >= MAX_SECRETS:
            raise Denied(429, "rate_limit_exceeded", "Too many client secrets are valid; let some expire.")
        value, until = SECRET_PREFIX + secrets.token_urlsafe(32), int(now) + seconds
        self._secrets[_hash(value)] = until
        return value, until

    @contextmanager
    def session(self, who: str, address: str) -> Iterator[None]:
        """Take a session's place. Raises Denied (429) where there is none."""
        limits = {
            "all": self._settings.sessions,
            f"key {who}": self._settings.sessions_per_key,
            f"address {address}": self._settings.sessions_per_address,
        }
        for name, limit in limits.items():
            if self._live[name] >= limit:
                which = name.split(" ")[0]
                raise Denied(429, "too_many_sessions", f"Too many sessions at once ({which}: {limit}); try again soon.")
        self._live.update(limits.keys())
        try:
            yield
        finally:
            self._live.subtract(limits.keys())
            self._live += Counter()

    @property
    def live(self) -> int:
        return self._live["all"]


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()

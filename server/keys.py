"""API keys in a file: hashed, each with an owner, scopes and an end; read anew as soon as the file changes.

The keys themselves are 256 bits of randomness, so one round of SHA-256 hides them: there is nothing to guess at.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .settings import BadSettings

log = logging.getLogger(__name__)

Scope = Literal["talk", "text", "memory", "trace", "metrics"]
"""What a key opens: conversations (/v1/realtime), the other endpoints below /v1, what is remembered (/v1/memory, and
`empathy.memory`), traces (/v1/sessions), /metrics."""
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
PREFIX = "ak_"
"""So that programs that search for leaked secrets know one."""
OTHERS_MAY_WRITE = 0o022


class BadKeys(BadSettings):
    """The file of keys cannot be used; the message says why, and shows no key."""


class KeyRecord(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    owner: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[Scope] = SCOPES
    created_at: int
    expires_at: int | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[KeyRecord]


def digest(key: str) -> bytes:
    """What is kept and compared of a key."""
    return hashlib.sha256(key.encode(errors="replace")).digest()


def inline(keys: Sequence[str]) -> list[KeyRecord]:
    """Keys that stand in the settings: of all scopes; each its own owner, named by the start of its hash."""
    hashes = [digest(key).hex() for key in keys]
    return [KeyRecord(id=found[:12], owner=found[:12], sha256=found, created_at=0) for found in hashes]


def new(owner: str, scopes: Collection[str] = SCOPES, days: float | None = None) -> tuple[str, KeyRecord]:
    """A fresh key and its record. The key is to be shown once and kept nowhere. Raises BadKeys."""
    now, value = int(time.time()), PREFIX + secrets.token_urlsafe(32)
    try:
        record = KeyRecord.model_validate(
            {
                "id": secrets.token_hex(4),
                "owner": owner,
                "sha256": digest(value).hex(),
                "scopes": sorted(scopes),
                "created_at": now,
                "expires_at": None if days is None else now + round(days * 86_400),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise BadKeys(f"{'.'.join(map(str, first['loc']))} {first['input']!r}: {first['msg']}") from None
    return value, record


def read(path: Path) -> list[KeyRecord]:
    """The records of a file. Raises BadKeys."""
    try:
        if path.stat().st_mode & OTHERS_MAY_WRITE:
            raise BadKeys(f"{path}: others than its owner may write it, and let themselves in; chmod go-w {path}")
        return _File.model_validate_json(path.read_bytes()).keys
    except OSError as error:
        raise BadKeys(f"cannot read {path}: {error.strerror}; `affetto keys new` makes one") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadKeys(f"{path} is no file of keys: {where} {first['msg']}".replace(":  ", ": ")) from None


@contextmanager
def edited(path: Path) -> Iterator[list[KeyRecord]]:
    """The records of a file, to be changed; they are written back whole, or not at all. Raises BadKeys."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{path}.lock", mode=0o600):
            records = read(path) if path.exists() else []
            yield records
            _write(path, records)
    except OSError as error:
        raise BadKeys(f"cannot write {path}: {error.strerror}") from None


def _write(path: Path, records: list[KeyRecord]) -> None:
    text = json.dumps(_File(keys=records).model_dump(mode="json"), indent=1)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


class KeyRing:
    """All keys that are good now. A file that cannot be read any more leaves those good that it last had."""

    def __init__(
        self, keys: Sequence[str] = (), path: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises BadKeys where there is a path and no such file."""
        self._inline = inline(keys)
        self._path = path
        self._clock = clock
        self._seen = _state(path)
        self._filed = read(path) if path is not None else []

    @property
    def empty(self) -> bool:
        """Whether no key is asked for; an empty file of keys is a door that nobody opens."""
        return not self._inline and self._path is None

    def find(self, key: str) -> KeyRecord | None:
        """The record of a key that is good now. All are compared, each in constant time."""
        shown, now = digest(key), self._clock()
        fitting = [record for record in self._all() if hmac.compare_digest(shown, bytes.fromhex(record.sha256))]
        return next((record for record in fitting if _lasts(record, now)), None)

    def good(self, key_id: str) -> bool:
        """Whether the key of this id is (still) good."""
        now = self._clock()
        return any(record.id == key_id and _lasts(record, now) for record in self._all())

    def _all(self) -> list[KeyRecord]:
        if self._path is not None and (state := _state(self._path)) != self._seen:
            self._seen = state
            try:
                self._filed = read(self._path)
                log.warning("keys are read anew from %s: %d", self._path, len(self._filed))
            except BadKeys as error:
                log.error("the keys stay as they were: %s", error)
        return self._inline + self._filed


def _lasts(record: KeyRecord, now: float) -> bool:
    return record.expires_at is None or record.expires_at > now


def _state(path: Path | None) -> tuple[int, ...]:
    """What changes whenever a file is written, or replaced by another."""
    try:
        found = os.stat(path) if path is not None else None
    except OSError:
        return (0,)
    return () if found is None else (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)

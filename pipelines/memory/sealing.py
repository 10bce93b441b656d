"""Encryption of single fields at rest: Fernet (AES-128-CBC and HMAC-SHA256, `cryptography`), with rotation.

A sealed field names its key, so that fields under an old key can be found and sealed anew. Without keys fields are
stored as they are; those stay readable once keys are set, and are sealed by the next round of `MemoryStore.reseal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken

PLAIN = b"p:"
MAKE_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class BadKey(ValueError):
    """A key is not one; the message says how to make one, and never shows it."""


class Unreadable(Exception):
    """A field was sealed with a key that is not among those given, or was changed."""


class Sealer:
    """The first key seals; all of them open."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys: dict[bytes, Fernet] = {}
        for number, key in enumerate(keys, 1):
            try:
                self._keys[_name(key)] = Fernet(key)
            except ValueError:
                raise BadKey(f"memory.keys: key {number} is not a Fernet key; make one with: {MAKE_KEY}") from None

    @property
    def prefix(self) -> bytes:
        """What every field begins with that is sealed as it should be now."""
        return next(iter(self._keys), PLAIN)

    def seal(self, data: bytes) -> bytes:
        if not self._keys:
            return PLAIN + data
        return self.prefix + self._keys[self.prefix].encrypt(data)

    def open(self, field: bytes) -> bytes:
        """Raises Unreadable."""
        if field.startswith(PLAIN):
            return field[len(PLAIN) :]
        for name, key in self._keys.items():
            if field.startswith(name):
                try:
                    return key.decrypt(field[len(name) :])
                except InvalidToken:
                    raise Unreadable("a remembered field was changed outside of Affetto") from None
        raise Unreadable(
            "memory.keys lacks the key with which something remembered was sealed; add it as a further one"
        )


def name_of_seal(field: bytes) -> str:
    """Which key a field is sealed with, as its first bytes say: "plain", or the key's short name."""
    return "plain" if field.startswith(PLAIN) else field[1:9].decode("ascii", errors="replace")


def _name(key: str) -> bytes:
    """A short name of the key, from which nothing of it can be told."""
    return b"k" + hashlib.sha256(b"affetto memory key " + key.encode(errors="replace")).hexdigest()[:8].encode() + b":"

"""A file that grows part by part, and survives being interrupted between parts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from .seals import BLOCK


class Joining:
    """The growing file at `path`, and beside it a journal of how many parts are in it.

    The journal is written after a part is whole: whatever follows the journaled length is cut off when the file is
    opened again. `sha256` is the hash that the file shall have; a journal made for another one does not count.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        self.path = path
        self._journal = path.with_name(path.name + ".parts")
        self._sha256 = sha256
        self.parts, self.size = self._resumed()
        self._state = self._hashed()

    @property
    def digest(self) -> str:
        """SHA-256 of all parts so far, in hex."""
        return self._state.hexdigest()

    def add(self, blocks: Iterable[bytes], progress: Callable[[int], None]) -> None:
        """Append one part; `progress` hears the size after each block.

        Raises:
            OSError: the file could not be written. Whatever reading `blocks` raises passes through. The part does
                not count then.
        """
        state, size = self._state.copy(), self.size
        with self.path.open("r+b" if self.size else "wb") as file:
            file.truncate(self.size)
            file.seek(self.size)
            for block in blocks:
                file.write(block)
                state.update(block)
                size += len(block)
                progress(size)
            file.flush()
            os.fsync(file.fileno())
        self._state, self.size, self.parts = state, size, self.parts + 1
        self._note()

    def discard(self) -> None:
        """Forget all parts."""
        self.path.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)
        self.parts = self.size = 0
        self._state = hashlib.sha256()

    def _note(self) -> None:
        fresh = self._journal.with_name(self._journal.name + ".new")
        fresh.write_text(json.dumps({"sha256": self._sha256, "parts": self.parts, "size": self.size}))
        os.replace(fresh, self._journal)

    def _resumed(self) -> tuple[int, int]:
        try:
            noted = json.loads(self._journal.read_text())
            whole = noted["sha256"] == self._sha256 and self.path.stat().st_size >= noted["size"]
            return (int(noted["parts"]), int(noted["size"])) if whole else (0, 0)
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0

    def _hashed(self) -> hashlib._Hash:
        state, left = hashlib.sha256(), self.size
        if left:
            with self.path.open("rb") as file:
                while left and (block := file.read(min(BLOCK, left))):
                    state.update(block)
                    left -= len(block)
        return state

"""Seals: a file that was hashed once is not hashed at every start."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path
from typing import Any

from .manifest import WeightFile

BLOCK = 1 << 20


def sealed(folder: Path, file: WeightFile) -> bool:
    """Whether this file was verified and has not been touched since."""
    path = folder / file.name
    try:
        return bool(json.loads(_seal(path).read_text()) == _record(path, file))
    except (OSError, ValueError):
        return False


def seal(path: Path, file: WeightFile) -> None:
    """Note that the file was verified. In a folder that cannot be written it will be verified again next time."""
    try:
        _seal(path).write_text(json.dumps(_record(path, file)))
    except PermissionError:
        return
    except OSError as error:
        if error.errno != errno.EROFS:
            raise


def intact(folder: Path, file: WeightFile) -> bool:
    """Whether the file is there and has the right hash; reads it whole."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size and digest(path) == file.sha256


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    state = hashlib.sha256()
    with path.open("rb") as data:
        while block := data.read(BLOCK):
            state.update(block)
    return state.hexdigest()


def _seal(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _record(path: Path, file: WeightFile) -> dict[str, Any]:
    # Whole seconds: archives, images and copies keep no more of a time.
    stat = path.stat()
    return {"sha256": file.sha256, "size": stat.st_size, "mtime_s": int(stat.st_mtime)}

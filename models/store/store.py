"""The folder of pulled weights."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import Unavailable


def default_root() -> Path:
    """`$AFFETTO_MODELS`, else `affetto/models` in the XDG cache folder."""
    if chosen := os.environ.get("AFFETTO_MODELS"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affetto" / "models"


class Store:
    """Finds pulled weights: one folder an asset, named as in the manifest."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def path(self, asset: str) -> Path:
        """Folder of a pulled asset.

        Raises:
            Unavailable: it has not been pulled; the message names the command.
        """
        folder = self.root / asset
        if not folder.is_dir():
            raise Unavailable(f"weights of {asset!r} are not in {self.root}: run `affetto pull {asset}`")
        return folder

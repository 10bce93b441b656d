"""The LoRA adapters that ship with the package, by the asset of the model they belong to."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ...errors import Unavailable

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Adapter:
    path: Path
    scale: float
    sha256: str

    def verify(self) -> None:
        """Raises Unavailable: the file is damaged, and llama.cpp would speak nonsense with it."""
        found = hashlib.sha256(self.path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise Unavailable(f"{self.path.name} is damaged: expected sha256 {self.sha256}, got {found}; reinstall")


def shipped(asset: str) -> Adapter | None:
    """The adapter for a model, or `None` where none ships."""
    table = tomllib.loads((FOLDER / "adapters.toml").read_text())
    if asset not in table:
        return None
    entry = table[asset]
    return Adapter(FOLDER / entry["file"], entry["scale"], entry["sha256"])

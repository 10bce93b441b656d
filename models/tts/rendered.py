"""Phrases of our own (openers, sounds of listening) that were rendered on this machine before, one file each.

Only what is warmed is kept: nothing of a conversation is ever written. The folder may be deleted at any time, and where
it cannot be written phrases are rendered anew by each process.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..base import Speech, SpokenWord, Style

RENDERING = 7
"""Raised when the same phrase in the same style comes to sound otherwise: what was kept before is not used then."""


class Rendered:
    """`voice` stands for the voice's own numbers, not for its name: a changed voice is another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, text: str, voice: str, style: Style) -> bool:
        return self._path(text, voice, style).is_file()

    def get(self, text: str, voice: str, style: Style) -> tuple[Speech, ...] | None:
        """What was kept; `None` where there is nothing, or a file that cannot be read."""
        try:
            with self._path(text, voice, style).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                words = tuple(SpokenWord(*word) for word in json.loads(str(kept["words"])))
                return (Speech(kept["samples"].astype(np.int16), int(kept["rate_hz"]), words),)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, text: str, voice: str, style: Style, pieces: Sequence[Speech]) -> bool:
        """Keep a phrase, whole or not at all; False where the folder cannot be written."""
        if not pieces:
            return False
        words = [(word.text, word.start, word.end) for piece in pieces for word in piece.words]
        path = self._path(text, voice, style)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".partial", delete=False) as file:
                np.savez(
                    file,
                    samples=np.concatenate([piece.samples for piece in pieces]),
                    rate_hz=np.int64(pieces[0].rate_hz),
                    words=np.array(json.dumps(words)),
                )
            os.replace(file.name, path)
        except OSError:
            return False
        return True

    def _path(self, text: str, voice: str, style: Style) -> Path:
        numbers = (style.rate, style.pitch_semitones, style.pitch_range, style.energy_db)
        what = (
            RENDERING,
            voice,
            text.strip(),
            numbers,
            style.final_lowering_semitones,
            sorted(style.voice_mix.items()),
        )
        return self._folder / f"{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:40]}.npz"

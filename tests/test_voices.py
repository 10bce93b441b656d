"""The voices that ship are the ones they are said to be."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from affetto.models.errors import Unavailable
from affetto.models.tts import phonemes, voices

FOLDER = Path(next(iter(voices.__path__)))


def test_shipped_voices_match_their_manifest() -> None:
    listed = tomllib.loads((FOLDER / "voices.toml").read_text())
    assert sorted(listed) == sorted(path.stem for path in FOLDER.glob("*.bin"))
    for name, voice in listed.items():
        content = (FOLDER / f"{name}.bin").read_bytes()
        assert hashlib.sha256(content).hexdigest() == voice["sha256"], name
        table = np.frombuffer(content, "<f4").reshape(510, 1, 256)
        assert np.isfinite(table).all()
        assert voice["language"] == ("en-GB" if name.startswith("b") else "en-US")


def test_an_espeak_that_cannot_be_loaded_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str, language: str = "en-us") -> str:
        raise OSError("libespeak-ng.so: failed to map segment from shared object")

    monkeypatch.setattr(phonemes, "phonemes", refuse)
    with pytest.raises(Unavailable, match=r"failed to map segment .*set TMPDIR"):
        phonemes.prepare()

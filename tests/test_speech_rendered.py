"""Openers that were rendered before are read back as they were, and nothing that is broken is spoken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affetto.models.base import Speech, SpokenWord, Style
from affetto.models.labels import Tone
from affetto.models.tts.rendered import Rendered

STYLE = Style(tone=Tone.GENTLE, rate=0.9)
PIECES = (
    Speech(np.arange(-3, 3, dtype=np.int16), 24_000, (SpokenWord("Oh,", 0, 4),)),
    Speech(np.array([7, 8], np.int16), 24_000, (SpokenWord("no.", 5, 8),)),
)


def test_it_comes_back_whole(tmp_path: Path) -> None:
    assert Rendered(tmp_path / "new").put("Oh, no.", "voice", STYLE, PIECES)
    found = Rendered(tmp_path / "new").get(" Oh, no. ", "voice", STYLE)
    assert found is not None
    assert found[0].samples.tolist() == [-3, -2, -1, 0, 1, 2, 7, 8]
    assert found[0].samples.dtype == np.int16
    assert found[0].words == (SpokenWord("Oh,", 0, 4), SpokenWord("no.", 5, 8))
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".npz"]


@pytest.mark.parametrize(
    ("text", "voice", "style"),
    [
        ("Oh no.", "voice", STYLE),
        ("Oh, no.", "another", STYLE),
        ("Oh, no.", "voice", replace(STYLE, rate=1.0)),
        ("Oh, no.", "voice", replace(STYLE, voice_mix={"x": 0.2})),
    ],
)
def test_another_phrase_voice_or_style_is_another(tmp_path: Path, text: str, voice: str, style: Style) -> None:
    kept = Rendered(tmp_path)
    kept.put("Oh, no.", "voice", STYLE, PIECES)
    assert kept.has("Oh, no.", "voice", STYLE)
    assert not kept.has(text, voice, style)
    assert kept.get(text, voice, style) is None


def test_a_broken_file_is_as_none(tmp_path: Path) -> None:
    kept = Rendered(tmp_path)
    kept.put("Oh, no.", "voice", STYLE, PIECES)
    (file,) = tmp_path.iterdir()
    for broken in (b"", b"PK\x03\x04", file.read_bytes()[:-40]):
        file.write_bytes(broken)
        assert kept.get("Oh, no.", "voice", STYLE) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Rendered(tmp_path / "file" / "below")
    assert not kept.put("Oh, no.", "voice", STYLE, PIECES)
    assert kept.get("Oh, no.", "voice", STYLE) is None
    assert not Rendered(tmp_path).put("", "voice", STYLE, ())

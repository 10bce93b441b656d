"""The weights that ship: what their README says of them is so."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest

from affetto.models.base import Baseline
from affetto.models.cues import heads, voice
from affetto.models.cues.families import HEADS, LABELS
from affetto.models.cues.words import Words

FOLDER = voice.FOLDER
TOLD = dict(re.findall(r"`(\w+\.npz)`.*?SHA-256 `([0-9a-f]{64})`", (FOLDER / "README.md").read_text(), re.DOTALL))


def test_every_file_is_the_one_that_the_readme_names() -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.npz")} == TOLD


SETS = sorted(file.removesuffix(".npz") for file in TOLD if file != "words.npz")


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_small_and_fits_this_version(name: str) -> None:
    path = voice.weights_file(name)
    assert path.stat().st_size < 20_000_000
    trained = heads.load(path)
    numbers = np.full(len(trained.mean), np.nan, np.float32)
    by_family = trained.families(trained.relative(numbers, Baseline()))
    assert (len(by_family), trained.fine.biases[-1].shape) == (len(HEADS), (len(LABELS),))
    assert trained.meta["set"] == name
    assert set(trained.meta["thresholds"]) == set(trained.meta["events"]) - {"none"}


def test_the_default_set_has_learned_from_no_non_commercial_recording() -> None:
    licences = heads.load(voice.weights_file("open")).meta["licences"]
    # ESC-50's compilation is non-commercial; of its clips only those that are CC0 or CC BY themselves were used
    clips = [licence.split(";")[0] for licence in licences]
    assert not [licence for licence in clips if re.search(r"\bNC\b|non-?commercial only", licence)]


def test_the_words_head_gives_a_distribution() -> None:
    expected = Words(FOLDER / "words.npz").expected(np.ones(384, np.float32) / np.sqrt(384).astype(np.float32))
    assert sum(expected.values()) == pytest.approx(1, abs=1e-5)

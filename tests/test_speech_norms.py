"""The map from what is to sound to the statistics that the vocoder's norms would find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetto.models.tts import norms
from affetto.models.tts.kokoro import VOICES
from affetto.pipelines.training.norms import fit, save


def stretches(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Averages [count, 6], and statistics [count, 8] that follow from them: four means, four variances."""
    random = np.random.default_rng(seed)
    averages = random.standard_normal((count, 6)).astype(np.float32)
    map_ = np.random.default_rng(9).standard_normal((6, 8)) * 0.3
    counted = averages @ map_ + 1
    return averages, np.hstack([counted[:, :4], np.exp(counted[:, 4:])]).astype(np.float32)


def test_statistics_are_told_from_averages() -> None:
    told = fit(["one"], *stretches(400))
    averages, statistics = stretches(20, seed=1)
    got = np.array([told.told(row) for row in averages])
    assert np.abs(got[:, :4] - statistics[:, :4]).max() < 0.2
    assert np.abs(np.log(got[:, 4:] / statistics[:, 4:])).max() < 0.2


def test_the_map_is_kept_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fit(["one", "two"], *stretches(50))
    save(made, tmp_path / "norms.npz")
    monkeypatch.setattr(norms, "FILE", tmp_path / "norms.npz")
    kept = norms.trained.__wrapped__()
    row = stretches(1, seed=2)[0][0]
    np.testing.assert_allclose(kept.told(row), made.told(row), rtol=0.02, atol=0.02)
    assert kept.voices == {"one", "two"}


def test_all_voices_that_ship_are_known() -> None:
    assert norms.trained().voices == {path.stem for path in VOICES.glob("*.bin")}


def test_what_is_to_sound_is_described_whatever_its_length() -> None:
    random = np.random.default_rng(0)
    detail = random.standard_normal((1, 512, 40)).astype(np.float32)
    contour = np.full((1, 40), 200, np.float32)
    voice = np.zeros((1, 256), np.float32)
    once = norms.described(detail, contour, contour, voice)
    twice = norms.described(np.tile(detail, 2), np.tile(contour, 2), np.tile(contour, 2), voice)
    np.testing.assert_allclose(once, twice, atol=1e-4)
    assert once.shape == norms.trained().centre.shape

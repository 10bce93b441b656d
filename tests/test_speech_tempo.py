"""A phrase said faster: as long as was asked for, nothing added, and words where they are heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.tts.tempo import hastened, resampled, resampled_pitch, sooner, thinned
from affetto.models.tts.timing import WordFrames


@given(frames=st.integers(1, 600), rate=st.floats(0.5, 2.5))
def test_a_phrase_is_as_much_shorter_as_was_asked_for_and_in_whole_frames(frames: int, rate: float) -> None:
    count = hastened(2 * frames, rate)
    assert count % 2 == 0
    assert count >= 2
    assert abs(count / 2 - max(1, frames / max(rate, 1))) <= 0.5


@given(n=st.integers(2, 600), share=st.floats(0.4, 1))
def test_thinning_leaves_columns_out_evenly_and_repeats_none(n: int, share: float) -> None:
    count = max(1, int(n * share))
    left = thinned(np.arange(n, dtype=np.float32)[None], count)[0]
    assert len(left) == count
    assert (np.diff(left) >= 1).all()
    assert (np.diff(left) <= np.ceil(n / count)).all()


@given(count=st.integers(2, 80), values=st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=80))
def test_resampling_invents_nothing_and_keeps_the_order(count: int, values: list[float]) -> None:
    row = np.array([sorted(values)], np.float32)
    made = resampled(row, count)
    assert made.shape == (1, count)
    assert made.dtype == np.float32
    assert made.min() >= row.min() - 1e-5
    assert made.max() <= row.max() + 1e-5
    assert (np.diff(made) >= -1e-5).all()


def test_a_line_stays_a_line() -> None:
    made = resampled(np.arange(40, dtype=np.float32)[None], 30)[0]
    np.testing.assert_allclose(np.diff(made[1:-1]), 40 / 30, rtol=1e-4)


def test_at_rate_one_nothing_changes() -> None:
    row = np.random.default_rng(0).standard_normal((1, 4, 20)).astype(np.float32)
    assert resampled(row, 20) is row
    assert thinned(row, 20) is row
    np.testing.assert_array_equal(resampled_pitch(row[:, 0], 20), row[:, 0])


def test_between_a_voice_and_none_there_is_no_lower_voice() -> None:
    pitch = np.array([[8.0] * 7 + [200.0] * 6 + [8.0] * 7], np.float32)
    made = resampled_pitch(pitch, 15)
    assert set(made[0].tolist()) == {8.0, 200.0}
    rising = resampled_pitch(np.linspace(100, 200, 20, dtype=np.float32)[None], 15)[0]
    assert np.diff(rising) == pytest.approx(np.full(14, 100 / 19 * 20 / 15), rel=0.3)


def test_words_keep_their_places_in_the_phrase() -> None:
    words = (WordFrames("Oh,", 3.0, 9.0), WordFrames("no.", 12.0, 30.0))
    assert sooner(words, 0.5) == (WordFrames("Oh,", 1.5, 4.5), WordFrames("no.", 6.0, 15.0))

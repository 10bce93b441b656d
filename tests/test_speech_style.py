"""A style's numbers: what they do to durations, pitch and loudness, and the tones made of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import Speech, Style
from affetto.models.labels import Tone
from affetto.models.tts.cache import PhraseCache
from affetto.models.tts.contours import KNEE, RANGE_EXPONENT, durations, shaped_pitch, shaped_sound
from affetto.models.tts.tones import TONES, compiled

LENGTHS = st.lists(st.floats(0.2, 20), min_size=4, max_size=80)


def contour(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    voiced = 180 * 2 ** (np.cumsum(rng.normal(0, 0.5, 200)) / 12)
    return np.where((np.arange(200) // 20) % 3 == 2, 7.5, voiced)[None].astype(np.float32)


@given(lengths=LENGTHS, rate=st.floats(0.75, 1.3))
def test_a_rate_divides_the_whole_and_leaves_every_phoneme_a_frame(lengths: list[float], rate: float) -> None:
    sounds = ("ab, " * len(lengths))[: len(lengths) - 2]
    natural = durations(np.array(lengths, np.float32), sounds, 1.0)
    frames = durations(np.array(lengths, np.float32), sounds, rate)
    assert frames.min() >= 1
    assert frames.sum() == max(len(lengths), round(int(natural.sum()) / rate))


def test_rate_one_is_the_models_own() -> None:
    assert durations(np.array([3.4, 0.2, 2.5, 7.6], np.float32), "ab", 1.0).tolist() == [3, 1, 2, 8]


def test_pauses_stretch_more_than_sounds() -> None:
    frames = durations(np.array([2, 20, 20, 2], np.float32), "a,", 0.8)
    assert frames[2] > frames[1]


@pytest.mark.parametrize("shift", [-4.0, -1.0, 2.0, 4.0])
def test_pitch_is_shifted_by_semitones_where_there_is_a_voice(shift: float) -> None:
    pitch = contour()
    shaped = shaped_pitch(pitch, Style(pitch_semitones=shift), falls=True)
    voiced = pitch > 60
    np.testing.assert_allclose(12 * np.log2(shaped[voiced] / pitch[voiced]), shift, atol=0.01)
    np.testing.assert_array_equal(shaped[~voiced], pitch[~voiced])


@pytest.mark.parametrize("factor", [0.5, 1.3, 1.6])
def test_range_is_widened_about_the_median(factor: float) -> None:
    pitch = contour()
    shaped = shaped_pitch(pitch, Style(pitch_range=factor), falls=True)
    voiced = pitch > 60
    before, after = (np.ptp(np.percentile(12 * np.log2(p[voiced]), (20, 80))) for p in (pitch, shaped))
    assert after / before == pytest.approx(factor**RANGE_EXPONENT, rel=0.03)
    assert np.median(shaped[voiced]) == pytest.approx(np.median(pitch[voiced]), rel=0.01)


def test_a_phrase_falls_at_its_end_and_a_question_does_not() -> None:
    pitch = np.full((1, 100), 200, np.float32)
    style = Style(final_lowering_semitones=3)
    fallen = shaped_pitch(pitch, style, falls=True)[0]
    assert np.all(fallen[:50] == 200)
    assert 12 * np.log2(fallen[-1] / 200) == pytest.approx(-3, abs=0.05)
    assert np.all(np.diff(fallen) <= 0)
    np.testing.assert_array_equal(shaped_pitch(pitch, style, falls=False)[0], pitch[0])


@pytest.mark.parametrize("decibels", [-6.0, -2.0, 3.0, 6.0])
def test_loudness_is_what_was_asked_for_and_brightness_goes_with_it(decibels: float) -> None:
    noise = (np.random.default_rng(1).standard_normal(24_000) * 0.03).astype(np.float32)
    low = np.convolve(noise, np.ones(40) / 6, "same").astype(np.float32)
    shaped = shaped_sound(low, decibels)
    change = 20 * np.log10(np.sqrt((shaped**2).mean() / (low**2).mean()))
    assert change == pytest.approx(decibels, abs=0.6)

    def high(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        return float(10 * np.log10(power[6000:].sum()))

    assert np.sign(high(shaped) - high(low) - decibels) == np.sign(decibels)


@given(level=st.floats(0, 4), decibels=st.floats(-20, 9))
def test_no_sound_ever_clips(level: float, decibels: float) -> None:
    sound = (level * np.sin(np.arange(2400) / 7)).astype(np.float32)
    shaped = shaped_sound(sound, decibels)
    assert np.isfinite(shaped).all()
    assert np.abs(shaped).max() <= 1.0
    if level < KNEE and decibels == 0:
        np.testing.assert_array_equal(shaped, sound)


def test_every_tone_has_numbers_and_neutral_changes_nothing() -> None:
    assert set(TONES) == set(Tone)
    assert compiled(Style()) == Style()
    for tone in Tone:
        assert TONES[tone].tone is tone
        assert compiled(Style(tone=tone)) == TONES[tone]


def test_tones_are_apart_by_more_than_a_listeners_limen() -> None:
    """Of at least one of them: 0.7 semitones, a sixth of the range, 1.5 dB, 4% of rate (each about a limen)."""
    for one, other in combinations(TONES.values(), 2):
        steps = (
            abs(one.pitch_semitones - other.pitch_semitones) / 0.7,
            abs(np.log(one.pitch_range / other.pitch_range)) / np.log(7 / 6),
            abs(one.energy_db - other.energy_db) / 1.5,
            abs(np.log(one.rate / other.rate)) / np.log(1.04),
        )
        assert max(steps) >= 1, (one.tone, other.tone)


def test_a_styles_own_numbers_come_on_top_of_its_tones() -> None:
    style = compiled(Style(tone=Tone.BRIGHT, rate=1.1, pitch_semitones=1, pitch_range=0.5, energy_db=-3))
    bright = TONES[Tone.BRIGHT]
    assert style.rate == pytest.approx(1.1 * bright.rate)
    assert style.pitch_semitones == 1 + bright.pitch_semitones
    assert style.pitch_range == pytest.approx(0.5 * bright.pitch_range)
    assert style.energy_db == bright.energy_db - 3


def piece(samples: int) -> Speech:
    return Speech(np.ones(samples, np.int16), 24_000)


def test_phrases_are_kept_by_text_voice_and_style() -> None:
    cache = PhraseCache(10_000)
    cache.put("Oh.", "one", Style(), [piece(10), piece(20)])
    kept = cache.get("Oh. ", "one", Style())
    assert kept is not None
    assert [len(part.samples) for part in kept] == [10, 20]
    assert cache.get("Oh!", "one", Style()) is None
    assert cache.get("Oh.", "two", Style()) is None
    assert cache.get("Oh.", "one", Style(rate=1.1)) is None
    assert cache.get("Oh.", "one", Style(voice_mix={"two": 0.2})) is None
    with pytest.raises(ValueError, match="read-only"):
        kept[0].samples[0] = 5


def test_the_least_lately_used_phrase_goes_first() -> None:
    cache = PhraseCache(250)
    cache.put("a", "v", Style(), [piece(50)])
    cache.put("b", "v", Style(), [piece(50)])
    assert cache.get("a", "v", Style())
    cache.put("c", "v", Style(), [piece(50)])
    assert [bool(cache.get(text, "v", Style())) for text in "abc"] == [True, False, True]
    cache.put("d", "v", Style(), [piece(1000)])
    assert cache.get("d", "v", Style()) is None
    assert len(cache) == 2


def test_no_room_keeps_nothing() -> None:
    cache = PhraseCache(0)
    cache.put("a", "v", Style(), [piece(1)])
    assert len(cache) == 0

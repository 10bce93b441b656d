"""Is it our own voice that came back? Synthetic voices: noise with a person's rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from noises import voice

from affetto.models.base import HEARING_RATE_HZ
from affetto.pipelines.duplex.echo import FarEnd, is_echo

RATE = 24_000


def played(seed: int) -> FarEnd:
    far = FarEnd()
    samples = (voice(seed, 4, RATE) * 20_000).astype(np.int16)
    for at in range(0, len(samples), RATE // 10):
        far.add(samples[at : at + RATE // 10], RATE, at / RATE)
    return far


@pytest.mark.parametrize("delay_s", [0.0, 0.08, 0.3, 0.45])
@pytest.mark.parametrize("gain", [0.5, 0.03])
def test_our_voice_late_and_faint_is_an_echo(delay_s: float, gain: float) -> None:
    echo = np.concatenate([np.zeros(round(delay_s * HEARING_RATE_HZ), np.float32), gain * voice(1, 4, HEARING_RATE_HZ)])
    for heard_s in (0.5, 0.8):
        heard = echo[2 * HEARING_RATE_HZ : int((2 + heard_s) * HEARING_RATE_HZ)]
        assert is_echo(played(1).likeness(heard, 2 + heard_s), heard_s)


def test_another_voice_is_none() -> None:
    far = played(1)
    for seed in range(10, 40):
        other = voice(seed, 1, HEARING_RATE_HZ)[: int(0.8 * HEARING_RATE_HZ)]
        assert not is_echo(far.likeness(other, 2.8), 0.8)


def test_who_begins_when_we_begin_is_another_all_the_same() -> None:
    """Silence, and then two voices at once: alike by that alone, in sum, but not in what each band does."""
    silence = np.zeros(int(0.1 * HEARING_RATE_HZ), np.float32)
    taken = 0
    for seed in range(10, 60):
        far = FarEnd()
        far.add((voice(seed + 100, 1, RATE) * 20_000).astype(np.int16), RATE, 10.1)
        heard = np.concatenate([silence, voice(seed, 1, HEARING_RATE_HZ)])
        looks = [(ms, heard[: ms * HEARING_RATE_HZ // 1000]) for ms in range(300, 1000, 60)]
        taken += any(is_echo(far.likeness(audio, 10 + ms / 1000), ms / 1000) for ms, audio in looks)
    assert taken <= 2


def test_little_likeness_of_little_sound_says_nothing() -> None:
    assert not is_echo(0.75, 0.3)
    assert is_echo(0.85, 0.3)
    assert is_echo(0.6, 0.8)
    assert is_echo(0.5, 5.0)
    assert played(1).likeness(np.zeros(100, np.float32), 1.0) == 0.0


def test_two_voices_that_begin_together_are_not_one() -> None:
    """The user speaks half a second, and then our next phrase begins just as they begin another word."""
    rng = np.random.default_rng(5)
    level = 0.5 + 0.5 * np.sin(np.arange(40) / 3)
    word = np.repeat(level, 160) * rng.normal(size=6400) * 0.1
    far = FarEnd()
    far.add((np.repeat(level, 240) * rng.normal(size=9600) * 3000).astype(np.int16), 24_000, 10.0)
    theirs = np.concatenate([rng.normal(size=8000) * 0.01, word]).astype(np.float32)
    before = np.concatenate([rng.normal(size=8000) * 0.05, word]).astype(np.float32)
    assert far.likeness(theirs, 10.4) > 0.8, "as an echo has it: silence before"
    assert far.likeness(before, 10.4) < 0.5

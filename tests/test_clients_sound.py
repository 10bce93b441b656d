"""Recordings in, and where the speech in them lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from affetto.clients import sound
from affetto.clients.errors import UnreadableAudio

RATE = 24_000


def speech(seconds: float, level: float = 8000.0) -> np.ndarray:
    """A buzz with syllables."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 150 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.int16)


def silence(seconds: float, noise: float = 0.0) -> np.ndarray:
    samples = np.random.default_rng(1).normal(0, noise, int(seconds * RATE)) if noise else np.zeros(int(seconds * RATE))
    return samples.astype(np.int16)


@pytest.mark.parametrize("noise", [0.0, 20.0, 100.0])
@given(before=st.floats(0, 2), length=st.floats(0.3, 3), after=st.floats(0, 2))
def test_finds_where_speech_begins_and_ends(noise: float, before: float, length: float, after: float) -> None:
    pcm = np.concatenate([silence(before, noise), speech(length), silence(after, noise)])

    start, end = sound.speech_bounds_s(pcm)

    assert abs(start - before) <= 0.03
    assert abs(end - (before + length)) <= 0.03


def test_a_click_is_no_speech() -> None:
    click = np.full(RATE // 100, 9000, np.int16)
    pcm = np.concatenate([speech(1), silence(0.5), click, silence(0.5)])

    assert sound.speech_bounds_s(pcm)[1] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("pcm", [silence(1), silence(0), silence(1, 3)], ids=["zeros", "nothing", "hiss"])
def test_where_there_is_no_speech_all_of_it_counts(pcm: np.ndarray) -> None:
    assert sound.speech_bounds_s(pcm) == (0.0, len(pcm) / RATE)


def test_real_speech_is_found_within_its_recording(recordings: Path) -> None:
    for path in sorted(recordings.glob("*.flac")):
        pcm = sound.read(path)
        start, end = sound.speech_bounds_s(pcm)
        assert 0 <= start < 1
        assert end > sound.seconds(pcm) - 1


def test_reads_any_rate_and_any_channels(tmp_path: Path) -> None:
    stereo = np.stack([speech(1), speech(1)], axis=1)
    soundfile.write(tmp_path / "a.ogg", stereo[::3], 8000)

    assert len(sound.read(tmp_path / "a.ogg")) == RATE


def test_writes_what_it_reads(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "a"):
        sound.write(tmp_path / name, speech(0.5))
        assert np.abs(sound.read(tmp_path / name) - speech(0.5).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.wav", None, "there is no such file"),
        ("text.wav", b"not audio", "as audio"),
        ("empty.wav", b"", "as audio"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableAudio, match=message):
        sound.read(tmp_path / name)


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.int16), RATE)

    with pytest.raises(UnreadableAudio, match="no sound"):
        sound.read(tmp_path / "none.wav")

"""Sound in windows: everything is covered once, edges meet without a step, and phases agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.tts.pieces import LONGEST, pieces
from affetto.models.tts.timing import AHEAD, word_frames
from affetto.models.tts.trimming import Trimmer
from affetto.models.tts.windows import FRAME_SAMPLES, LEFT, RIGHT, SHORTEST, VALUE_S, Joiner, in_phase, windows


@given(frames=st.integers(1, 600), begin=st.integers(0, 40))
def test_windows_cover_every_frame_once_and_carry_their_context(frames: int, begin: int) -> None:
    covered = begin
    for window in windows(frames, begin=begin):
        assert window.start == covered
        assert window.end > window.start
        assert window.first == max(0, window.start - LEFT)
        assert window.last == min(frames, window.end + RIGHT)
        assert window.end == frames or frames - window.end >= SHORTEST
        covered = window.end
    assert covered == max(frames, begin)


@given(frames=st.integers(1, 300), begin=st.integers(0, 20))
def test_windows_of_one_sound_join_to_that_sound(frames: int, begin: int) -> None:
    whole = np.random.default_rng(frames).standard_normal(frames * FRAME_SAMPLES).astype(np.float32)
    joiner, parts = Joiner(), [np.zeros(0, np.float32)]
    for window in windows(frames, begin=begin):
        rendered = whole[window.first * FRAME_SAMPLES : window.last * FRAME_SAMPLES]
        parts.append(joiner.add(rendered, window, final=window.end == frames))
    np.testing.assert_allclose(np.concatenate(parts), whole[begin * FRAME_SAMPLES :], atol=1e-5)


def test_a_step_between_windows_becomes_a_slope() -> None:
    joiner, parts = Joiner(), []
    for level, window in enumerate(windows(40)):
        rendered = np.full((window.last - window.first) * FRAME_SAMPLES, float(level), np.float32)
        parts.append(joiner.add(rendered, window, final=window.end == 40))
    sound = np.concatenate(parts)
    assert len(sound) == 40 * FRAME_SAMPLES
    assert np.abs(np.diff(sound)).max() < 0.01


@given(hz=st.lists(st.floats(60, 400), min_size=240, max_size=240), at=st.integers(1, 4))
def test_a_windows_harmonics_come_in_the_phase_of_the_whole(hz: list[float], at: int) -> None:
    pitch = np.array([hz], np.float32)
    window = list(windows(120, sizes=(16, 24, 30)))[at - 1]
    part = in_phase(pitch, window)
    before = pitch[0, : 2 * window.first].sum(dtype=np.float64) * VALUE_S
    kept = (window.start - window.first) * 2
    off = (part[0, :kept] - pitch[0, 2 * window.first :][:kept]).sum(dtype=np.float64) * VALUE_S
    assert abs((off - before) - round(off - before)) < 1e-2
    np.testing.assert_array_equal(part[0, kept:], pitch[0, 2 * window.start : 2 * window.last])


@pytest.mark.parametrize("size", [100, 1000, 5000])
def test_silence_around_a_phrase_is_cut_however_it_comes(size: int) -> None:
    sound = np.zeros(10_000, np.float32)
    sound[3000:7000] = 0.5
    trim = Trimmer(quiet=0.01, before=500, after=500)
    parts = [trim(sound[at : at + size], final=at + size >= len(sound)) for at in range(0, len(sound), size)]
    got = np.concatenate(parts)
    assert trim.dropped == 2500
    np.testing.assert_array_equal(got[:4500], sound[2500:7000])


def test_silence_alone_gives_nothing() -> None:
    trim = Trimmer(quiet=0.01, before=500, after=500)
    assert len(trim(np.zeros(300, np.float32), final=False)) == len(trim(np.zeros(900, np.float32), final=True)) == 0


@given(text=st.text(max_size=1200), longest=st.integers(20, 300))
def test_pieces_are_the_text_and_short(text: str, longest: int) -> None:
    parts = list(pieces(text, longest))
    assert "".join(parts) == text
    assert all(0 < len(part) <= longest for part in parts)


def test_pieces_end_where_one_breathes() -> None:
    sentence = "This goes on for a while, and then it ends somewhere here. "
    assert all(part.endswith(". ") for part in pieces(sentence * 20, LONGEST))


ALONE = {
    "from": "fɹˈʌm", "the": "ðə", "station": "stˈAʃən", "1984,": "nˌIntˈin ˈATi fˈɔɹ,", "oh.": "ˈO.", "-": "",
    "had": "hæd", "been": "bˈɪn", "told": "tˈOld",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sounds", "expected"),
    [
        (["station", "oh."], "stˈAʃən ˈO.", ["stˈAʃən", "ˈO"]),
        (["from", "the", "station"], "fɹʌmðə stˈAʃən", ["fɹʌm", "ðə", "stˈAʃən"]),
        (["1984,", "oh."], "nˌIntˈin ˈATi fˈɔɹ, ˈO.", ["nˌIntˈin ˈATi fˈɔɹ", "ˈO"]),
        (["oh.", "-", "station"], "ˈO. stˈAʃən", ["ˈO", "", "stˈAʃən"]),
        (["had", "been", "told"], "hədbɪn tˈOld", ["həd", "bɪn", "tˈOld"]),
        (["-"], "", [""]),
    ],
)
def test_words_lie_on_their_own_phonemes(words: list[str], sounds: str, expected: list[str]) -> None:
    frames = np.array([7, *(0 if sound == " " else 1 + i for i, sound in enumerate(sounds)), 9])
    spoken = [(word, ALONE[word]) for word in words]
    starts = 7 - AHEAD + np.concatenate([[0], np.cumsum(frames[1:-1])])
    for word, heard, timed in zip(words, expected, word_frames(spoken, sounds, frames), strict=True):
        assert timed.text == word
        if heard:
            at = sounds.index(heard)
            got = (timed.start, timed.end)
            exact = (starts[at], starts[at + len(heard)])
            assert abs(got[0] - exact[0]) <= 6
            assert abs(got[1] - exact[1]) <= 6
        else:
            assert timed.start == timed.end


def test_words_share_the_space_between_them_and_sound_ahead_of_their_frames() -> None:
    frames = np.array([8, *[4] * len("hæd bɪn, hæd"), 6])
    one, other, last = word_frames([("had", "hæd"), ("been,", "bɪn,"), ("had", "hæd")], "hæd bɪn, hæd", frames)
    assert (one.start, one.end) == (8 - AHEAD, 8 + 12 + 2 - AHEAD)
    assert (other.start, other.end) == (one.end, 8 + 28 - AHEAD)
    assert (last.start, last.end) == (8 + 34 - AHEAD, 8 + 48 - AHEAD)


@pytest.mark.parametrize(("frames", "count"), [(1, 1), (56, 1), (57, 2), (250, 6)])
def test_a_short_phrase_is_one_window(frames: int, count: int) -> None:
    assert len(list(windows(frames + 10, begin=10))) == count

"""Kokoro as it is: parts that are the whole, sound that begins early, words that lie where they are heard."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soxr
from faster_whisper import WhisperModel

from affetto.models.base import Samples, Speech, Style
from affetto.models.cues import measure
from affetto.models.errors import Failed, Unavailable
from affetto.models.labels import Tone
from affetto.models.store import Store
from affetto.models.tts import kokoro_parts
from affetto.models.tts.kokoro import FILE, WHOLE, Kokoro, Options, Phrase
from affetto.models.tts.windows import FRAME_SAMPLES, Joiner, Window, windows
from affetto.pipelines.evaluation.speech_measures import spectral_distance_db

pytestmark = pytest.mark.models
SENTENCE = "I was walking home from the station last night when I finally understood what you had been trying to say."


@pytest.fixture(scope="module")
def kokoro() -> Iterator[Kokoro]:
    try:
        yield Kokoro(Options(), Store())
    except Unavailable as error:
        pytest.skip(str(error))


def spoken(kokoro: Kokoro, text: str, style: Style = Style()) -> list[Speech]:  # noqa: B008 (frozen)
    async def all_of_it() -> list[Speech]:
        return [speech async for speech in kokoro.stream(text, voice="default", style=style)]

    return asyncio.run(all_of_it())


def test_speech_begins_long_before_the_whole_sentence_could(kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what was rendered until then; in time it is `first_audio_ratio` of `affetto eval speech`."""
    rendered: list[Window] = []
    whole: list[int] = []
    render = kokoro._render

    def counted(phrase: Phrase, window: Window, exact: bool) -> Samples:
        rendered.append(window)
        whole.append(phrase.detail.shape[2] // 2)
        return render(phrase, window, exact)

    monkeypatch.setattr(kokoro, "_render", counted)

    async def first() -> None:
        stream = kokoro.stream(SENTENCE, voice="default", style=Style())
        await anext(stream)
        assert len(rendered) == 1
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(first())
    assert rendered[0].last - rendered[0].first < 0.15 * whole[0]


def test_words_come_in_order_with_the_piece_in_which_they_begin(kokoro: Kokoro) -> None:
    pieces = spoken(kokoro, SENTENCE)
    assert len(pieces) >= 3
    assert [word.text for piece in pieces for word in piece.words] == SENTENCE.split()
    begin = 0
    for piece in pieces:
        end = begin + len(piece.samples)
        assert all(begin <= word.start < end for word in piece.words)
        assert all(word.start <= word.end for word in piece.words)
        begin = end


def test_words_lie_where_whisper_hears_them(kokoro: Kokoro) -> None:
    model = WhisperModel(str(Store().path("whisper-base")), device="cpu", compute_type="int8", cpu_threads=2)
    errors = []
    for text in (SENTENCE, "You waited six years for this, and now it's here.", "I'm glad that you told me."):
        pieces = spoken(kokoro, text)
        sound = np.concatenate([piece.samples for piece in pieces]).astype(np.float32) / 32768
        segments, _ = model.transcribe(soxr.resample(sound, 24_000, 16_000), language="en", word_timestamps=True)
        heard = [(word.word.strip(), word.start) for segment in segments for word in segment.words or ()]
        ours = [(word.text, word.start / 24_000) for piece in pieces for word in piece.words]
        assert len(heard) == len(ours)
        errors += [abs(a - b) for (_, a), (_, b) in zip(ours, heard, strict=True)]
    assert np.mean(errors) <= 0.06


def test_windows_sound_like_the_whole_phrase(kokoro: Kokoro) -> None:
    phrase = kokoro.phrase("You keep saying that it was nothing.", "default", Style())
    whole = list(windows(phrase.detail.shape[2] // 2, begin=phrase.begin, sizes=(WHOLE,)))
    parts = list(windows(phrase.detail.shape[2] // 2, begin=phrase.begin))
    assert len(parts) > 1

    def joined(phrase: Phrase, cut: list[Window]) -> np.ndarray:
        joiner = Joiner()
        return np.concatenate([joiner.add(kokoro._render(phrase, w, cut == whole), w, final=w == cut[-1]) for w in cut])

    exact = joined(phrase, whole)
    told = spectral_distance_db(exact, joined(phrase, parts), 24_000)
    assert told < 3.2
    assert told < spectral_distance_db(exact, joined(replace(phrase, norms=None), parts), 24_000) - 1


def test_a_faster_phrase_has_the_same_sounds_in_less_time(kokoro: Kokoro) -> None:
    plain, fast = (kokoro.phrase(SENTENCE, "default", Style(rate=rate)) for rate in (1.0, 1.3))
    share = fast.detail.shape[2] / plain.detail.shape[2]
    assert share == pytest.approx(1 / 1.3, rel=0.01)
    assert fast.pitch.shape == fast.energy.shape == (1, fast.detail.shape[2])
    for one, other in zip(plain.words, fast.words, strict=True):
        assert (other.start, other.end) == pytest.approx((one.start * share, one.end * share))
    assert fast.begin < fast.words[0].start


def test_a_text_longer_than_the_model_takes_is_spoken_whole(kokoro: Kokoro) -> None:
    text = "It costs $1,234,567.89 or so. " * 5
    pieces = spoken(kokoro, text, Style(rate=2.0))
    words = [word for piece in pieces for word in piece.words]
    assert [word.text for word in words] == text.split()
    assert all(a.start <= b.start for a, b in pairwise(words))
    assert sum(len(piece.samples) for piece in pieces) >= words[-1].start


@pytest.mark.parametrize("tone", Tone)
def test_mm_hm_is_two_short_nasal_humps_and_the_second_is_higher(kokoro: Kokoro, tone: Tone) -> None:
    sound = np.concatenate([piece.samples for piece in spoken(kokoro, "Mm-hm.", Style(tone))]).astype(np.float32)
    heard = np.asarray(soxr.resample(sound / 32768, 24_000, 16_000), np.float32)
    assert len(heard) < 0.9 * 16_000
    level, pitch = measure.energy_db(heard), measure.pitch_hz(heard)
    dip = 8 + int(np.argmin(level[8:28]))
    assert min(level[:dip].max(), level[dip:].max()) > level[dip] + 6
    first, second = pitch[2 : dip - 1], pitch[dip + 1 : dip + 16]
    assert second.max() > np.median(first[first > 0])
    power = np.square(np.abs(np.fft.rfft(heard)))
    assert power[int(3000 / 16_000 * len(heard)) :].sum() < 0.05 * power.sum()


def test_what_is_not_speech_is_not_spoken(kokoro: Kokoro) -> None:
    text = "<speak><prosody rate='x-slow'>I'm glad \x07that\u202e</prosody> [laughs] you {pause} told me.</speak> 😀 🇬🇧"
    plain = np.concatenate([piece.samples for piece in spoken(kokoro, "I'm glad that you told me.")])
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in spoken(kokoro, text)]), plain)


@pytest.mark.parametrize("text", ["привет", "你好 123", "مرحبا"])
def test_another_script_is_an_error(kokoro: Kokoro, text: str) -> None:
    with pytest.raises(Failed, match="speaks English"):
        spoken(kokoro, text)


def test_a_very_long_text_begins_as_soon_as_a_short_one(kokoro: Kokoro) -> None:
    async def begin(text: str) -> int:
        stream = kokoro.stream(text, voice="default", style=Style())
        first = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return len(first.samples)

    assert asyncio.run(begin("You don't have to decide anything tonight. " * 120)) < 24_000


def test_five_thousand_characters_are_spoken_through_and_never_held_at_once(
    kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the last part of the model is real, so that minutes of speech take seconds."""

    def loud(phrase: Phrase, window: Window, whole: bool) -> np.ndarray:
        return np.full((window.last - window.first) * FRAME_SAMPLES, 0.1, np.float32)

    async def peak(text: str) -> int:
        tracemalloc.reset_peak()
        words: list[str] = []
        samples = 0
        async for piece in kokoro.stream(text, voice="default", style=Style()):
            assert len(piece.samples) < 3 * 24_000
            words += [word.text for word in piece.words]
            samples += len(piece.samples)
        assert words == text.split()
        assert samples > len(text) * 1000  # speech is some 20 characters a second
        return tracemalloc.get_traced_memory()[1]

    monkeypatch.setattr(kokoro, "_render", loud)
    text = "You waited six years for this, and now it's here; take your time, there is no hurry. " * 60
    tracemalloc.start()
    try:
        short, long = asyncio.run(peak(text[:500])), asyncio.run(peak(text[:5000]))
    finally:
        tracemalloc.stop()
    assert long < short + 4 * 2**20


@pytest.mark.parametrize("text", ["", "  ", "...", "—", "?!", "😀🎉", "<break time='1s'/>", "\x00\x1b\u200b"])
def test_what_makes_no_sound_makes_none(kokoro: Kokoro, text: str) -> None:
    assert spoken(kokoro, text) == []


def test_a_voice_there_is_not_is_told(kokoro: Kokoro) -> None:
    async def ask() -> None:
        async for _ in kokoro.stream("Hello.", voice="nobody", style=Style()):
            pass

    with pytest.raises(Failed, match="no voice 'nobody'; choose one of"):
        asyncio.run(ask())


def test_the_parts_are_kept_beside_the_whole(kokoro: Kokoro) -> None:
    folder = kokoro_parts.folder_of(Store().path("kokoro") / FILE)
    assert {path.stem for path in folder.glob("*.onnx")} == set(kokoro_parts.PARTS)


def test_a_phrase_said_before_comes_out_at_once(kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(kokoro.warm([("Oh, that hurts.", "default", Style(tone=Tone.GENTLE))]))
    monkeypatch.setattr(kokoro, "_render", None)  # nothing is rendered
    pieces = spoken(kokoro, "Oh, that hurts.", Style(tone=Tone.GENTLE))
    assert sum(len(piece.samples) for piece in pieces) > 12_000
    assert [word.text for piece in pieces for word in piece.words] == ["Oh,", "that", "hurts."]


def test_voices_are_mixed_by_their_shares(kokoro: Kokoro) -> None:
    one, other = kokoro._vector("af_heart", Style(), 20), kokoro._vector("am_puck", Style(), 20)
    mixed = kokoro._vector("af_heart", Style(voice_mix={"am_puck": 0.25}), 20)
    np.testing.assert_allclose(mixed, 0.75 * one + 0.25 * other, atol=1e-6)
    with pytest.raises(Failed, match="no voice 'nobody'"):
        spoken(kokoro, "Oh.", Style(voice_mix={"nobody": 0.5}))
    with pytest.raises(Failed, match="cannot be negative"):
        spoken(kokoro, "Oh.", Style(voice_mix={"am_puck": -0.5}))


def test_a_missing_gpu_is_told_before_anything_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kokoro_parts.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(Unavailable, match="onnxruntime-gpu"):
        kokoro_parts._providers("cuda")

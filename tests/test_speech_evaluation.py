"""Measuring a voice: the measures upon sounds whose answer is known, and the whole with a scripted voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import HEARING_RATE_HZ, Recognition, Speech, Style, Transcript
from affetto.models.labels import Tone
from affetto.models.store import Store
from affetto.models.tts.scripted import Options, ScriptedSynthesizer
from affetto.models.tts.tones import TONES, compiled
from affetto.pipelines.evaluation.speech import AROUND, CONTROLS, Evaluation, ordered
from affetto.pipelines.evaluation.speech_measures import (
    asked,
    features,
    shift,
    spectral_distance_db,
    timing_error_ms,
    told_apart,
    voiceprint,
    widening,
)
from affetto.pipelines.evaluation.speech_sentences import SENTENCES
from affetto.server.__main__ import main
from affetto.server.cli import evaluate_speech


def vowel(semitones: float = 0.0, factor: float = 1.0, decibels: float = 0.0, seconds: float = 2.0) -> np.ndarray:
    """A voice that glides up and down, with ten harmonics, and silence around it."""
    at = np.arange(int(seconds * HEARING_RATE_HZ)) / HEARING_RATE_HZ
    hz = 160 * 2 ** ((semitones + factor * 3 * np.sin(2 * np.pi * 0.7 * at)) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / HEARING_RATE_HZ
    sound = sum(np.sin(k * phase) / k for k in range(1, 11)) * 0.1 * 10 ** (decibels / 20)
    return np.pad(sound, HEARING_RATE_HZ // 4).astype(np.float32)


@pytest.mark.parametrize("semitones", [-4.0, -1.0, 2.0, 4.0])
def test_a_shift_is_measured_to_a_tenth_of_a_semitone(semitones: float) -> None:
    assert shift(voiceprint(vowel()), voiceprint(vowel(semitones))) == pytest.approx(semitones, abs=0.1)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.3, 1.6])
def test_a_range_is_measured(factor: float) -> None:
    assert widening(voiceprint(vowel()), voiceprint(vowel(factor=factor))) == pytest.approx(factor, rel=0.05)


def test_loudness_and_rate_are_measured() -> None:
    found = features(voiceprint(vowel()), voiceprint(vowel(decibels=-5, seconds=2.4)))
    assert found["energy"] == pytest.approx(-5, abs=0.2)
    assert found["rate"] == pytest.approx(np.log(2 / 2.4), abs=0.02)


def test_a_spectral_distance_is_in_decibels() -> None:
    noise = np.random.default_rng(0).standard_normal(24_000).astype(np.float32)
    assert spectral_distance_db(noise, noise, 24_000) == 0
    assert spectral_distance_db(noise, noise * 2, 24_000) == pytest.approx(6.02, abs=0.05)
    assert spectral_distance_db(noise, np.roll(noise, 5), 24_000) < 3


def test_silence_measures_as_nothing() -> None:
    silence = voiceprint(np.zeros(8000, np.float32))
    assert shift(silence, voiceprint(vowel())) == 0.0
    assert widening(silence, silence) == 1.0


def test_tones_that_sound_as_asked_for_are_told_apart_and_swapped_ones_are_not() -> None:
    wanted = {tone.value: asked(TONES[tone]) for tone in Tone}
    assert told_apart(wanted, wanted) == (36, 36)
    swapped = {name: {key: -value for key, value in row.items()} for name, row in wanted.items()}
    assert told_apart(swapped, wanted) == (0, 36)


@given(late=st.integers(-3000, 3000))
def test_word_times_are_compared_only_where_the_words_agree(late: int) -> None:
    ours = [("oh", 24_000), ("no", 48_000)]
    heard = [("oh", 16_000 + late), ("no", 32_000 + late)]
    assert timing_error_ms(ours, heard, 24_000) == pytest.approx([abs(late) / 16] * 2)
    assert timing_error_ms(ours, [("oh", 16_000)], 24_000) == []


def test_sixty_sentences_and_some_of_them_long() -> None:
    assert len(SENTENCES) == len(set(SENTENCES)) == 60
    assert sum(len(text.split()) >= 18 for text in SENTENCES) >= 10


def test_a_voice_that_does_as_it_is_told_is_measured_so() -> None:
    voice = ScriptedSynthesizer(Options(), Store())
    evaluation = Evaluation(voice=voice)
    report = asyncio.run(evaluation.run(SENTENCES[2:4]))
    assert 0 < report["first_audio_ratio"] <= 1
    assert report["rtf"] >= 0
    assert set(report["controls"]) == set(CONTROLS)
    assert report["controls"]["pitch_semitones"]["least_share"] == pytest.approx(1, abs=0.03)
    assert report["controls"]["energy_db"]["least_share"] == pytest.approx(1, abs=0.03)
    assert report["controls"]["rate"]["monotone"]
    assert set(report["tones"]) == {tone.value for tone in Tone}
    assert "wer" not in report


def test_soft_tones_are_to_read_as_less_aroused_than_lively_ones_on_the_same_sentence() -> None:
    found = {Tone.GENTLE: [0.1, 0.5], Tone.CALM: [0.1, 0.1], Tone.BRIGHT: [0.4, 0.4], Tone.WARM: [0.9, 0.9]}
    assert ordered(found) == {"arousal_ordered": 0.75}
    assert ordered({Tone.WARM: [0.9], Tone.BRIGHT: [0.4]}) == {}


class Ears:
    """Hears every word but the first, and only where there is silence around the voice."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._left = list(sentences)

    async def recognize(self, audio: np.ndarray, *, language: str | None = None, prompt: str = "") -> Recognition:
        assert not audio[:AROUND].any()
        assert not audio[-AROUND:].any()
        return Recognition(Transcript(self._left.pop(0).partition(" ")[2]))


def test_words_heard_wrong_are_counted_on_each_sentence_and_controls_compared_with_neutral() -> None:
    sentences = ["Oh, that hurts.", "Tell me more."]
    ears = Ears(sentences * (1 + 16 + len(Tone)))
    report = asyncio.run(Evaluation(voice=ScriptedSynthesizer(Options(), Store()), recognizer=ears).run(sentences))
    assert report["wer"] == pytest.approx(2 / 6, abs=1e-3)
    assert report["controls"]["rate"]["wer_neutral"] == report["wer"]
    assert {row["wer"] for control in report["controls"].values() for row in control["rows"]} == {report["wer"]}
    assert {row["wer"] for row in report["tones"].values()} == {report["wer"]}


class Toned(ScriptedSynthesizer):
    """Does as the tones of `TONES` say, which the scripted voice leaves alone."""

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        async for speech in super().stream(text, voice=voice, style=compiled(style)):
            yield speech


def test_arousal_is_read_for_each_tone() -> None:
    evaluation = Evaluation(voice=Toned(Options(), Store()), arousal=lambda audio: -len(audio) / HEARING_RATE_HZ)
    report = asyncio.run(evaluation.run(SENTENCES[2:4], controls=False))
    assert report["arousal_ordered"] == 1.0  # every soft tone is slower than every lively one
    assert report["tones"]["calm"]["arousal"] < report["tones"]["neutral"]["arousal"]


def test_real_time_needs_minutes_to_play(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "speech", "--real-time"]) == 2
    assert "--playback MIN" in capsys.readouterr().err


def test_pictures_that_cannot_be_drawn_are_told_before_anything_is_spoken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(evaluate_speech, "find_spec", lambda name: None)
    assert main(["eval", "speech", "--out", str(tmp_path)]) != 0
    assert "affetto[train]" in capsys.readouterr().err

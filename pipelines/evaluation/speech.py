"""How a voice speaks: how soon, how fast, how well it is understood, and whether it does what its style asks for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean, median
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ...models.base import (
    HEARING_RATE_HZ,
    Recognizer,
    Samples,
    SpokenWord,
    Style,
    Synthesizer,
)
from ...models.labels import Tone
from ...models.tts.tones import TONES
from .speech_measures import (
    Voiceprint,
    asked,
    features,
    monotone,
    shift,
    spectral_distance_db,
    timing_error_ms,
    told_apart,
    voiceprint,
    widening,
)
from .words import edits, normalized

CONTROLS: Mapping[str, tuple[float, ...]] = {
    "pitch_semitones": (-4.0, -2.0, 2.0, 4.0),
    "pitch_range": (0.5, 0.75, 1.3, 1.6),
    "energy_db": (-6.0, -3.0, 3.0, 6.0),
    "rate": (0.75, 0.88, 1.15, 1.3),
}
ROUNDS = 3
AROUND = round(0.3 * HEARING_RATE_HZ)
"""Samples of silence before and after a sentence where its words are recognised: nobody hears the first sample of a
voice as the first of all sound, and without it Whisper loses an "I" at the beginning."""
LONG_WORDS = 18
"""Sentences of at least so many words tell how soon a long one begins."""
SOFT, LIVELY = (Tone.GENTLE, Tone.CALM, Tone.APOLOGETIC, Tone.SERIOUS), (Tone.BRIGHT, Tone.PLAYFUL)
"""Tones that fit sadness, and those that they should read as less aroused than."""
SWEPT = 20
"""Sentences that a control is swept on: some two hundred words, so that one is half a point of word error rate."""

Listen = Callable[[Samples], Awaitable[Sequence[tuple[str, int]]]]
"""Words heard and where each begins, samples at 16 kHz."""
Judge = Callable[[Samples], float]
Observer = Callable[[str, Style, "Spoken"], None]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as it was spoken: int16 [n], and the seconds it took."""

    samples: NDArray[np.int16]
    rate_hz: int
    words: tuple[SpokenWord, ...]
    first_s: float
    all_s: float

    @property
    def length_s(self) -> float:
        return len(self.samples) / self.rate_hz

    @property
    def heard(self) -> Samples:
        """As it is heard: float32 at 16 kHz."""
        sound = self.samples.astype(np.float32) / 32768
        return np.asarray(soxr.resample(sound, self.rate_hz, HEARING_RATE_HZ), np.float32)


async def speak(voice: Synthesizer, text: str, style: Style) -> Spoken:
    began = time.perf_counter()
    first, pieces = float("nan"), [np.zeros(0, np.int16)]
    words: list[SpokenWord] = []
    async with aclosing(voice.stream(text, voice="default", style=style)) as stream:  # type: ignore[type-var]
        async for piece in stream:
            if len(pieces) == 1:
                first = time.perf_counter() - began
            pieces.append(piece.samples)
            words += piece.words
    return Spoken(np.concatenate(pieces), voice.rate_hz, tuple(words), first, time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Heard:
    """A spoken sentence and what ears made of it; what was not measured is `None`."""

    spoken: Spoken
    voiceprint: Voiceprint
    wrong: int | None
    """Of its `words`, those that were recognised otherwise."""
    words: int
    quality: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The parts that a voice is measured with; what is missing is not measured."""

    voice: Synthesizer
    whole: Synthesizer | None = None
    """The same voice without streaming, to compare with."""
    recognizer: Recognizer | None = None
    listen: Listen | None = None
    arousal: Judge | None = None
    """How excited a voice sounds, -1 to 1."""
    quality: Judge | None = None
    """Predicted opinion, 1 to 5."""
    observer: Observer = lambda text, style, spoken: None

    async def run(
        self, sentences: Sequence[str], *, tones: Sequence[Tone] = tuple(Tone), controls: bool = True
    ) -> dict[str, Any]:
        """Everything; fields that have no measurement are left out."""
        report = await self.timing(sentences)
        neutral = {text: await self._said(text, Style()) for text in sentences}
        report |= _told(list(neutral.values())) | await self._words_timed(neutral.values())
        report |= await self._against_whole(neutral)
        if controls:
            swept = dict(list(neutral.items())[:: max(1, len(neutral) // SWEPT)][:SWEPT])
            report["swept"] = len(swept)
            report["controls"] = {name: await self._control(name, swept) for name in CONTROLS}
        return report | await self._tones(neutral, tones)

    async def timing(self, sentences: Sequence[str]) -> dict[str, Any]:
        """How soon and how fast, on the longest sentences; both ways of speaking alternate."""
        long = [text for text in sentences if len(text.split()) >= LONG_WORDS][:ROUNDS] or list(sentences[:ROUNDS])
        ratios, firsts, rtfs = [], [], []
        await speak(self.voice, long[0], Style())
        for text in long:
            spoken = await speak(self.voice, text, Style())
            whole = await speak(self.whole, text, Style()) if self.whole is not None else spoken
            ratios.append(spoken.first_s / whole.all_s)
            firsts.append(spoken.first_s * 1000)
            rtfs.append(spoken.all_s / max(spoken.length_s, 1e-9))
        return {
            "first_audio_ratio": round(median(ratios), 3),
            "rtf": round(median(rtfs), 3),
            "first_audio_ms": round(median(firsts), 1),
            "sentences": len(sentences),
        }

    async def _said(self, text: str, style: Style) -> Heard:
        spoken = await speak(self.voice, text, style)
        self.observer(text, style, spoken)
        return await self._heard(text, spoken)

    async def _heard(self, text: str, spoken: Spoken) -> Heard:
        sound, reference, wrong = spoken.heard, normalized(text), None
        if self.recognizer is not None:
            recognition = await self.recognizer.recognize(np.pad(sound, AROUND))
            wrong = edits(reference, normalized(recognition.transcript.text))
        quality = self.quality(sound) if self.quality is not None else None
        return Heard(spoken, voiceprint(sound), wrong, len(reference), quality)

    async def _words_timed(self, heard: Iterable[Heard]) -> dict[str, Any]:
        if self.listen is None:
            return {}
        errors = [error for one in heard for error in await self._timing_errors(one.spoken)]
        return {"word_timing_error_ms": round(fmean(errors), 1) if errors else None, "words_timed": len(errors)}

    async def _timing_errors(self, spoken: Spoken) -> list[float]:
        assert self.listen is not None
        ours = [(" ".join(normalized(word.text)), word.start) for word in spoken.words]
        heard = [(" ".join(normalized(word)), start) for word, start in await self.listen(spoken.heard)]
        return timing_error_ms(ours, heard, spoken.rate_hz)

    async def _against_whole(self, neutral: Mapping[str, Heard]) -> dict[str, Any]:
        """The same voice in one piece: how far its spectra are, and how well it is understood."""
        if self.whole is None:
            return {}
        whole = [await self._heard(text, await speak(self.whole, text, Style())) for text in neutral]
        distances = [_distance(one.spoken, other.spoken) for one, other in zip(whole, neutral.values(), strict=True)]
        return {"whole": {"distance_db": round(fmean(distances), 2), **_told(whole)}}

    async def _control(self, name: str, neutral: Mapping[str, Heard]) -> dict[str, Any]:
        """One number of a style by itself: what was asked for and what was measured."""
        rows: list[dict[str, Any]] = []
        for value in CONTROLS[name]:
            styled = [await self._said(text, _only(name, value)) for text in neutral]
            pairs = zip(neutral.values(), styled, strict=True)
            measured = fmean([_effect(name, plain.voiceprint, one.voiceprint) for plain, one in pairs])
            rows.append({"asked": value, "measured": round(measured, 3), **_told(styled)})
        shares = [_share(name, row["asked"], row["measured"]) for row in rows]
        found = {
            "rows": rows,
            "monotone": monotone([row["measured"] for row in rows]),
            "least_share": round(min(shares), 3),
        }
        plain = _told(list(neutral.values()))
        return found | ({"wer_neutral": plain["wer"]} if "wer" in plain else {})

    async def _tones(self, neutral: Mapping[str, Heard], tones: Sequence[Tone]) -> dict[str, Any]:
        found: dict[str, Any] = {"tones": {}}
        measured: list[dict[str, dict[str, float]]] = [{} for _ in neutral]
        arousal: dict[Tone, list[float]] = {}
        for tone in tones:
            toned = [one if tone is Tone.NEUTRAL else await self._said(t, Style(tone)) for t, one in neutral.items()]
            pairs = zip(neutral.values(), toned, strict=True)
            rows = [features(plain.voiceprint, one.voiceprint) for plain, one in pairs]
            for sentence, row in zip(measured, rows, strict=True):
                sentence[tone.value] = row
            told = {key: round(fmean([row[key] for row in rows]), 3) for key in rows[0]} | _told(toned)
            if self.arousal is not None:
                arousal[tone] = [self.arousal(one.spoken.heard) for one in toned]
                told["arousal"] = round(fmean(arousal[tone]), 3)
            found["tones"][tone.value] = told
        wanted = {tone.value: asked(TONES[tone]) for tone in tones}
        pairs_told = [told_apart(sentence, wanted) for sentence in measured]
        if count := sum(pair[1] for pair in pairs_told):
            found["tone_pairs_told_apart"] = round(sum(pair[0] for pair in pairs_told) / count, 4)
        return found | ordered(arousal)


def _told(heard: Sequence[Heard]) -> dict[str, Any]:
    """Word error rate and predicted quality of some sentences, as far as they were measured."""
    found: dict[str, Any] = {}
    if (wrong := [one.wrong for one in heard if one.wrong is not None]) and len(wrong) == len(heard):
        found["wer"] = round(sum(wrong) / max(1, sum(one.words for one in heard)), 4)
    if quality := [one.quality for one in heard if one.quality is not None]:
        found["quality"] = round(fmean(quality), 2)
    return found


def _distance(one: Spoken, other: Spoken) -> float:
    first, second = ((spoken.samples / 32768).astype(np.float32) for spoken in (one, other))
    return spectral_distance_db(first, second, one.rate_hz)


def _only(name: str, value: float) -> Style:
    numbers: dict[str, Any] = {name: value}
    return replace(Style(), **numbers)


def _effect(name: str, neutral: Voiceprint, styled: Voiceprint) -> float:
    match name:
        case "pitch_semitones":
            return shift(neutral, styled)
        case "pitch_range":
            return widening(neutral, styled)
        case "energy_db":
            return styled.level_db - neutral.level_db
        case _:
            return neutral.speech_s / max(styled.speech_s, 0.01)


def _share(name: str, wanted: float, got: float) -> float:
    """How much of the change was measured; factors on a log scale."""
    if name in ("pitch_range", "rate"):
        return float(np.log(max(got, 0.01)) / np.log(wanted))
    return got / wanted


def ordered(arousal: Mapping[Tone, Sequence[float]]) -> dict[str, Any]:
    """Of all pairs of a soft tone and a lively one on a sentence, how many read as less aroused."""
    pairs = [
        (low, high)
        for soft, lively in product(SOFT, LIVELY)
        for low, high in zip(arousal.get(soft, ()), arousal.get(lively, ()), strict=False)
    ]
    return {"arousal_ordered": round(fmean(low < high for low, high in pairs), 4)} if pairs else {}

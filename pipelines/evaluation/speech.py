"""How a voice speaks: how soon, how fast, how well it is understood, and whether it does what its style asks for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ...models.base import (
    HEARING_RATE_HZ,
    Baseline,
    CueExtractor,
    Recognition,
    Recognizer,
    Samples,
    SpokenWord,
    Style,
    Synthesizer,
    Transcript,
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
LONG_WORDS = 18
"""Sentences of at least so many words tell how soon a long one begins."""
SOFT = (Tone.GENTLE, Tone.CALM, Tone.APOLOGETIC)
"""Tones that fit sadness: all of them should read as less aroused than `BRIGHT`."""

Listen = Callable[[Samples], Awaitable[Sequence[tuple[str, int]]]]
"""Words heard and where each begins, samples at 16 kHz."""
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
class Evaluation:
    """The parts that a voice is measured with; what is missing is not measured."""

    voice: Synthesizer
    whole: Synthesizer | None = None
    """The same voice without streaming, to compare times with."""
    recognizer: Recognizer | None = None
    cues: CueExtractor | None = None
    listen: Listen | None = None
    quality: Callable[[Samples], float] | None = None
    """Predicted opinion, 1 to 5."""
    observer: Observer = lambda text, style, spoken: None

    async def run(
        self, sentences: Sequence[str], *, tones: Sequence[Tone] = tuple(Tone), controls: bool = True
    ) -> dict[str, Any]:
        """Everything; fields that have no measurement are left out."""
        report = await self.timing(sentences)
        neutral = [await self._spoken(text, Style()) for text in sentences]
        prints = [voiceprint(spoken.heard) for spoken in neutral]
        report |= await self._understood(sentences, neutral)
        report |= await self._against_whole(sentences, neutral)
        if controls:
            report["controls"] = {name: await self._control(name, sentences, prints) for name in CONTROLS}
        report |= await self._tones(sentences, neutral, prints, tones)
        return report

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

    async def _spoken(self, text: str, style: Style) -> Spoken:
        spoken = await speak(self.voice, text, style)
        self.observer(text, style, spoken)
        return spoken

    async def _understood(self, sentences: Sequence[str], spoken: Sequence[Spoken]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.recognizer is not None:
            found["wer"] = await self._wer(sentences, spoken)
        if self.quality is not None:
            found["quality"] = round(fmean([self.quality(one.heard) for one in spoken]), 2)
        if self.listen is not None:
            errors = [error for one in spoken for error in await self._timing_errors(one)]
            found["word_timing_error_ms"] = round(fmean(errors), 1) if errors else None
            found["words_timed"] = len(errors)
        return found

    async def _against_whole(self, sentences: Sequence[str], spoken: Sequence[Spoken]) -> dict[str, Any]:
        """The same voice in one piece: how far its spectra are, and how well it is understood."""
        if self.whole is None:
            return {}
        whole = [await speak(self.whole, text, Style()) for text in sentences]
        distances = [_distance(one, other) for one, other in zip(whole, spoken, strict=True)]
        found: dict[str, Any] = {"distance_db": round(fmean(distances), 2)}
        if self.recognizer is not None:
            found["wer"] = await self._wer(sentences, whole)
        if self.quality is not None:
            found["quality"] = round(fmean([self.quality(one.heard) for one in whole]), 2)
        return {"whole": found}

    async def _timing_errors(self, spoken: Spoken) -> list[float]:
        assert self.listen is not None
        ours = [(" ".join(normalized(word.text)), word.start) for word in spoken.words]
        heard = [(" ".join(normalized(word)), start) for word, start in await self.listen(spoken.heard)]
        return timing_error_ms(ours, heard, spoken.rate_hz)

    async def _wer(self, sentences: Sequence[str], spoken: Sequence[Spoken]) -> float:
        assert self.recognizer is not None
        wrong = words = 0
        for text, one in zip(sentences, spoken, strict=True):
            heard = await self.recognizer.recognize(one.heard)
            reference = normalized(text)
            wrong, words = wrong + edits(reference, normalized(heard.transcript.text)), words + len(reference)
        return round(wrong / max(1, words), 4)

    async def _arousal(self, spoken: Spoken) -> float | None:
        """As our own ears read it, which need what the recogniser made of it."""
        assert self.cues is not None
        heard = (
            await self.recognizer.recognize(spoken.heard)
            if self.recognizer is not None
            else Recognition(Transcript(""))
        )
        cues = await self.cues.extract(
            spoken.heard, baseline=Baseline(), transcript=heard.transcript, encoding=heard.encoding
        )
        return cues.arousal

    async def _control(self, name: str, sentences: Sequence[str], prints: Sequence[Voiceprint]) -> dict[str, Any]:
        """One number of a style by itself: what was asked for and what was measured."""
        measured = []
        for value in CONTROLS[name]:
            style = _only(name, value)
            spoken = [await self._spoken(text, style) for text in sentences]
            pairs = list(zip(prints, (voiceprint(one.heard) for one in spoken), strict=True))
            row = {"asked": value, "measured": round(float(np.mean([_effect(name, *pair) for pair in pairs])), 3)}
            if self.recognizer is not None:
                row["wer"] = await self._wer(sentences, spoken)
            measured.append(row)
        shares = [_share(name, row["asked"], row["measured"]) for row in measured]
        return {
            "rows": measured,
            "monotone": monotone([row["measured"] for row in measured]),
            "least_share": round(min(shares), 3),
        }

    async def _tones(
        self, sentences: Sequence[str], neutral: Sequence[Spoken], prints: Sequence[Voiceprint], tones: Sequence[Tone]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {"tones": {}}
        measured: list[dict[str, dict[str, float]]] = [{} for _ in sentences]
        arousal: dict[Tone, list[float | None]] = {}
        for tone in tones:
            spoken = list(neutral) if tone is Tone.NEUTRAL else [await self._spoken(t, Style(tone)) for t in sentences]
            rows = [features(a, voiceprint(one.heard)) for a, one in zip(prints, spoken, strict=True)]
            for sentence, row in zip(measured, rows, strict=True):
                sentence[tone.value] = row
            told: dict[str, Any] = {key: round(fmean([row[key] for row in rows]), 3) for key in rows[0]}
            if self.recognizer is not None:
                told["wer"] = await self._wer(sentences, spoken)
            if self.quality is not None:
                told["quality"] = round(fmean([self.quality(one.heard) for one in spoken]), 2)
            if self.cues is not None:
                arousal[tone] = [await self._arousal(one) for one in spoken]
            found["tones"][tone.value] = told
        wanted = {tone.value: asked(TONES[tone]) for tone in tones}
        pairs = [told_apart(sentence, wanted) for sentence in measured]
        if count := sum(pair[1] for pair in pairs):
            found["tone_pairs_told_apart"] = round(sum(pair[0] for pair in pairs) / count, 4)
        return found | _ordered(arousal)


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


def _ordered(arousal: Mapping[Tone, Sequence[float | None]]) -> dict[str, Any]:
    """Of all pairs of a soft tone and the bright one on a sentence, how many read as less aroused."""
    bright = arousal.get(Tone.BRIGHT, ())
    pairs = [
        (low, high)
        for tone in SOFT
        for low, high in zip(arousal.get(tone, ()), bright, strict=False)
        if low is not None and high is not None
    ]
    return {"arousal_ordered": round(sum(low < high for low, high in pairs) / len(pairs), 4)} if pairs else {}

"""Kokoro-82M (Apache-2.0), int8 ONNX: speaks a phrase window by window, the first one soon.

The windows of all sessions wait in one line, so that a long phrase of one does not hold up the first of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import Speech, SpokenWord, Style
from ..errors import Failed, Unavailable
from ..store import Store
from ..worker import Worker
from . import kokoro_parts
from .cache import LONGEST_CHARS, PhraseCache
from .contours import durations, shaped_pitch, shaped_sound
from .norms import described, trained
from .phonemes import LONGEST, alone, phonemes, prepare, tokens
from .pieces import pieces
from .rendered import Rendered
from .script import Saying, foreign, script
from .tempo import hastened, resampled, resampled_pitch, sooner, thinned
from .timing import WordFrames, word_frames
from .tones import compiled
from .trimming import Trimmer
from .windows import FRAME_SAMPLES, SIZES, Joiner, Window, in_phase, windows

Floats = NDArray[np.float32]

RATE_HZ = 24_000
FILE = "kokoro-v1.0.int8.onnx"
VOICES = Path(__file__).parent / "voices"
DEFAULT = "af_heart"
QUIET = 0.004
"""Level under which the model's own silence around a phrase is cut."""
KEPT_S = 0.06
PAUSES_S = {",": 0.1, ";": 0.14, ":": 0.14, "—": 0.16, ".": 0.22, "!": 0.2, "?": 0.22, "…": 0.35}
"""Silence left after a phrase, by the punctuation with which it ends; what comes next may be another phrase."""
WHOLE = 1_000_000
"""Frames: no phrase has as many."""
ROWS = 510
"""Style vectors of a voice, one for each number of phonemes."""
LEAD_FRAMES = 4
"""Frames rendered of the pad before the first phoneme; the model makes a third of a second of silence of it."""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voice: str = DEFAULT
    """The voice that "default" stands for."""
    threads: int = Field(2, ge=1)
    """Threads of one window."""
    device: Literal["cpu", "cuda"] = "cpu"
    """cuda needs the package onnxruntime-gpu in place of onnxruntime."""
    streaming: bool = True
    """Whether a phrase is rendered in windows; in one piece it sounds only when all of it is done."""
    cache_mib: float = Field(16.0, ge=0)
    """Rendered phrases that are kept for the next time, 22 seconds a MiB; 0 keeps none."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase ready to be rendered: what sounds in each of its frames of 25 ms."""

    detail: Floats
    """[1, 512, 2 * frames]."""
    pitch: Floats
    """Hz, [1, 2 * frames]."""
    energy: Floats
    """[1, 2 * frames]."""
    voice: Floats
    """[1, 256]."""
    norms: Floats | None
    """Statistics for its windows; `None` where a window's own must do."""
    energy_db: float
    """Loudness against the voice's own."""
    pause_s: float
    """Silence to leave at the end."""
    begin: int
    """Frame with which rendering begins."""
    words: tuple[WordFrames, ...]


class Kokoro:
    """Shared by all sessions."""

    rate_hz = RATE_HZ

    def __init__(self, options: Options, store: Store) -> None:
        prepare()
        self.parts = kokoro_parts.load(store.path("kokoro") / FILE, threads=options.threads, device=options.device)
        files = [*sorted(VOICES.glob("*.bin")), *sorted((store.root / "kokoro-voices").glob("*.bin"))]
        self._voices = {p.stem: np.fromfile(p, "<f4").reshape(-1, 1, 256) for p in files}
        if options.voice not in self._voices:
            raise Unavailable(
                f"there is no voice {options.voice!r}; choose one of {', '.join(self._voices)}, "
                "or get more with `affetto pull kokoro-voices`"
            )
        self._voices["default"] = self._voices[options.voice]
        self._default = options.voice
        self._worker, self._reader = Worker("kokoro"), Worker("kokoro-kept")
        self._stamps: dict[str, str] = {}
        self._sizes = SIZES if options.streaming else (WHOLE,)
        self._cache = PhraseCache(int(options.cache_mib * 2**20))
        self._norms = trained()
        self._kept = Rendered(store.root / "rendered" / "kokoro")

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(self._voices)

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed for a voice there is not."""
        for name in (voice, *style.voice_mix):
            if name not in self._voices:
                raise Failed(f"there is no voice {name!r}; choose one of {', '.join(self._voices)}")
        if any(share < 0 for share in style.voice_mix.values()):
            raise Failed("shares of voices in a mix cannot be negative")
        cached = self._cache.get(text, voice, style)
        if cached is not None:
            for speech in cached:
                yield speech
            return
        kept = await self._reader.call(self._kept.get, text, self._stamp(voice), compiled(style))
        if kept is not None:
            self._cache.put(text, voice, style, kept)
            for speech in kept:
                yield speech
            return
        made, short = [], len(text) <= LONGEST_CHARS
        async for speech in self._fresh(text, voice, compiled(style)):
            if short:
                made.append(speech)
            yield speech
        if short:
            self._cache.put(text, voice, style, made)

    async def warm(self, phrases: Iterable[tuple[str, str, Style]]) -> int:
        """Render phrases (text, voice, style) before they are needed, once for this machine; how many were not there.

        They must be our own, as each is kept in a file.
        """
        rendered = 0
        for text, voice, style in phrases:
            key = text, self._stamp(voice), compiled(style)
            if await self._reader.call(self._kept.has, *key):
                continue
            made = [speech async for speech in self.stream(text, voice=voice, style=style)]
            rendered += 1
            await self._reader.call(self._kept.put, *key, made)
        return rendered

    def _stamp(self, voice: str) -> str:
        """The voice by its numbers."""
        if voice not in self._stamps:
            table = np.ascontiguousarray(self._voices[voice])
            self._stamps[voice] = hashlib.sha256(table.tobytes()).hexdigest()
        return self._stamps[voice]

    async def _fresh(self, text: str, voice: str, style: Style) -> AsyncIterator[Speech]:
        if foreign(text):
            raise Failed("this voice speaks English, and the text is in a script that it cannot read")
        made, waiting, language = 0, list(pieces(text)), self._language(voice)
        while waiting:
            piece = waiting.pop(0)
            words = script(piece, american=language == "en-us")
            sounds = await self._worker.call(phonemes, " ".join(word.said for word in words), language)
            if len(sounds) > LONGEST:
                waiting = [*pieces(piece, len(piece) // 2), *waiting]
            elif any(sound.isalpha() for sound in sounds):
                phrase = await self._worker.call(self._phrase, words, sounds, voice, style)
                async for speech in self._rendered(phrase, made):
                    made += len(speech.samples)
                    yield speech

    def phrase(self, text: str, voice: str, style: Style) -> Phrase:
        """A short text up to where it would sound; blocks. For training."""
        words = script(text, american=self._language(voice) == "en-us")
        sounds = phonemes(" ".join(word.said for word in words), self._language(voice))
        return self._phrase(words, sounds[:LONGEST], voice, compiled(style))

    def _language(self, voice: str) -> str:
        return "en-gb" if (self._default if voice == "default" else voice).startswith("b") else "en-us"

    def _phrase(self, words: Sequence[Saying], sounds: str, voice: str, style: Style) -> Phrase:
        ids, language = tokens(sounds), self._language(voice)
        vector = self._vector(voice, style, len(ids))
        encoded = self.parts.encode(ids, vector)
        frames = durations(encoded.lengths, sounds, min(style.rate, 1.0))
        pitch, energy = self.parts.contours(encoded, frames, vector)
        ending = sounds[-1:]
        pitch = shaped_pitch(pitch, style, falls=ending in ".!…")
        detail = self.parts.detail(np.repeat(encoded.sounds, frames, axis=2), pitch, energy, vector)
        known = self._norms.voices.issuperset({self._default if voice == "default" else voice, *style.voice_mix})
        norms = self._norms.told(described(detail, pitch, energy, vector)) if known else None
        timed = word_frames([(word.written, alone(word.said, language)) for word in words], sounds, frames)
        columns = hastened(detail.shape[2], style.rate)
        share = columns / detail.shape[2]
        return Phrase(
            detail=thinned(detail, columns),
            pitch=resampled_pitch(pitch, columns),
            energy=resampled(energy, columns),
            voice=vector,
            norms=norms,
            energy_db=style.energy_db,
            pause_s=PAUSES_S.get(ending, KEPT_S) / style.rate,
            begin=max(0, int(frames[0] * share) - LEAD_FRAMES),
            words=sooner(timed, share),
        )

    def _vector(self, voice: str, style: Style, phonemes: int) -> Floats:
        """The voice at this length; `voice_mix` gives other voices their shares of it."""
        row = min(phonemes, ROWS - 1)
        own = style.voice_mix.get(voice, 0.0) + max(0.0, 1 - sum(style.voice_mix.values()))
        shares = {**style.voice_mix, voice: own}
        whole = sum(shares.values())
        mixed: Floats = sum(self._voices[name][row] * np.float32(share / whole) for name, share in shares.items())
        return mixed

    async def _rendered(self, phrase: Phrase, before: int) -> AsyncIterator[Speech]:
        """The phrase in windows, words timed from `before` samples ahead of it."""
        frames, joiner = phrase.detail.shape[2] // 2, Joiner()
        trim = Trimmer(quiet=QUIET, before=int(KEPT_S * RATE_HZ), after=int(phrase.pause_s * RATE_HZ))
        made, words = 0, list(phrase.words)
        for window in windows(frames, begin=phrase.begin, sizes=self._sizes):
            final = window.end == frames
            rendered = await self._worker.call(self._render, phrase, window, window.whole(phrase.begin, frames))
            audio = trim(joiner.add(rendered, window, final=final), final=final)
            made += len(audio)
            origin = phrase.begin * FRAME_SAMPLES + trim.dropped
            due = [word for word in words if final or word.start * FRAME_SAMPLES - origin < made]
            words = words[len(due) :]
            if len(audio):
                timed = tuple(_timed(word, origin, before) for word in due)
                yield Speech((audio * 32767).astype(np.int16), RATE_HZ, timed)

    def _render(self, phrase: Phrase, window: Window, whole: bool) -> Floats:
        values = slice(2 * window.first, 2 * window.last)
        norms = None if whole else phrase.norms
        sound = self.parts.wave(phrase.detail[:, :, values], in_phase(phrase.pitch, window), phrase.voice, norms)
        return shaped_sound(sound, phrase.energy_db)


def _timed(word: WordFrames, origin: int, before: int) -> SpokenWord:
    start, end = (before + max(0, round(frame * FRAME_SAMPLES) - origin) for frame in (word.start, word.end))
    return SpokenWord(word.text, start, end)

"""Kokoro-82M (Apache-2.0), int8 ONNX: speaks a phrase window by window, the first one soon.

The windows of all sessions wait in one line, so that a long phrase of one does not hold up the first of another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import Speech, SpokenWord, Style
from ..errors import Failed, Unavailable
from ..store import Store
from ..worker import Worker
from . import kokoro_parts
from .phonemes import LONGEST, alone, phonemes, prepare, tokens
from .pieces import pieces
from .timing import WordFrames, word_frames
from .trimming import Trimmer
from .windows import FRAME_SAMPLES, Joiner, Window, in_phase, windows

Floats = NDArray[np.float32]

RATE_HZ = 24_000
FILE = "kokoro-v1.0.int8.onnx"
VOICES = Path(__file__).parent / "voices"
DEFAULT = "af_heart"
QUIET = 0.004
"""Level under which the model's own silence around a phrase is cut."""
KEPT_S = 0.06
LEAD_FRAMES = 4
"""Frames rendered of the pad before the first phoneme; the model makes a third of a second of silence of it."""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voice: str = DEFAULT
    """The voice that "default" stands for."""
    threads: int = Field(2, ge=1)
    """Threads of one window."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase ready to be rendered: what sounds in each of its frames of 25 ms."""

    sounds: Floats
    """[1, 512, frames]."""
    pitch: Floats
    """Hz, [1, 2 * frames]."""
    energy: Floats
    """[1, 2 * frames]."""
    voice: Floats
    """[1, 256]."""
    begin: int
    """Frame with which rendering begins."""
    words: tuple[WordFrames, ...]


class Kokoro:
    """Shared by all sessions."""

    rate_hz = RATE_HZ

    def __init__(self, options: Options, store: Store) -> None:
        prepare()
        self._parts = kokoro_parts.load(store.path("kokoro") / FILE, threads=options.threads)
        files = [*sorted(VOICES.glob("*.bin")), *sorted((store.root / "kokoro-voices").glob("*.bin"))]
        self._voices = {p.stem: np.fromfile(p, "<f4").reshape(-1, 1, 256) for p in files}
        if options.voice not in self._voices:
            raise Unavailable(
                f"there is no voice {options.voice!r}; choose one of {', '.join(self._voices)}, "
                "or get more with `affetto pull kokoro-voices`"
            )
        self._voices["default"] = self._voices[options.voice]
        self._default = options.voice
        self._worker = Worker("kokoro")

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(self._voices)

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed for a voice there is not."""
        if voice not in self._voices:
            raise Failed(f"there is no voice {voice!r}; choose one of {', '.join(self._voices)}")
        made, waiting = 0, list(pieces(text))
        while waiting:
            piece = waiting.pop(0)
            sounds = await self._worker.call(phonemes, piece, self._language(voice))
            if len(sounds) > LONGEST:
                waiting = [*pieces(piece, len(piece) // 2), *waiting]
            elif any(sound.isalpha() for sound in sounds):
                phrase = await self._worker.call(self._phrase, piece, sounds, voice, style)
                async for speech in self._rendered(phrase, made):
                    made += len(speech.samples)
                    yield speech

    def _language(self, voice: str) -> str:
        return "en-gb" if (self._default if voice == "default" else voice).startswith("b") else "en-us"

    def _phrase(self, text: str, sounds: str, voice: str, style: Style) -> Phrase:
        ids, table, language = tokens(sounds), self._voices[voice], self._language(voice)
        vector = table[min(len(ids), len(table) - 1)]
        encoded = self._parts.encode(ids, vector)
        frames = np.maximum(np.round(encoded.lengths / style.rate), 1).astype(np.int64)
        pitch, energy = self._parts.contours(encoded, frames, vector)
        words = word_frames(text.split(), sounds, frames, lambda word: alone(word, language))
        begin = max(0, int(frames[0]) - LEAD_FRAMES)
        return Phrase(np.repeat(encoded.sounds, frames, axis=2), pitch, energy, vector, begin, words)

    async def _rendered(self, phrase: Phrase, before: int) -> AsyncIterator[Speech]:
        """The phrase in windows, words timed from `before` samples ahead of it."""
        frames, joiner = phrase.sounds.shape[2], Joiner()
        trim = Trimmer(quiet=QUIET, kept=int(KEPT_S * RATE_HZ))
        made, words = 0, list(phrase.words)
        for window in windows(frames, begin=phrase.begin):
            final = window.end == frames
            rendered = await self._worker.call(self._render, phrase, window)
            audio = trim(joiner.add(rendered, window, final=final), final=final)
            made += len(audio)
            origin = phrase.begin * FRAME_SAMPLES + trim.dropped
            due = [word for word in words if final or word.start * FRAME_SAMPLES - origin < made]
            words = words[len(due) :]
            if len(audio):
                timed = tuple(_timed(word, origin, before) for word in due)
                yield Speech((np.clip(audio, -1, 1) * 32767).astype(np.int16), RATE_HZ, timed)

    def _render(self, phrase: Phrase, window: Window) -> Floats:
        span = slice(window.first, window.last)
        values = slice(2 * window.first, 2 * window.last)
        pitch = in_phase(phrase.pitch, window)
        return self._parts.wave(phrase.sounds[:, :, span], pitch, phrase.energy[:, values], phrase.voice)


def _timed(word: WordFrames, origin: int, before: int) -> SpokenWord:
    start, end = (before + max(0, frame * FRAME_SAMPLES - origin) for frame in (word.start, word.end))
    return SpokenWord(word.text, start, end)

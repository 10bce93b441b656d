"""Kokoro-82M (Apache-2.0), int8 ONNX: speaks a phrase in one piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import Speech, SpokenWord, Style
from ..errors import Failed, Unavailable
from ..store import Store
from ..worker import Worker
from .phonemes import LONGEST, phonemes, prepare, tokens

RATE_HZ = 24_000
VOICES = Path(__file__).parent / "voices"
DEFAULT = "af_heart"
QUIET = 0.004
"""Level under which the model's own silence around a phrase is cut."""
KEPT_S = 0.06


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voice: str = DEFAULT
    """The voice that "default" stands for."""
    threads: int = Field(2, ge=1)
    """Threads of one phrase."""


class Kokoro:
    """Shared by all sessions; phrases wait in one line."""

    rate_hz = RATE_HZ

    def __init__(self, options: Options, store: Store) -> None:
        prepare()
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
        path = store.path("kokoro") / "kokoro-v1.0.int8.onnx"
        self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
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
        language = "en-gb" if (self._default if voice == "default" else voice).startswith("b") else "en-us"
        sounds = await self._worker.call(phonemes, text, language)
        if not any(sound.isalpha() for sound in sounds):
            return
        for first in range(0, len(sounds), LONGEST):
            audio = await self._worker.call(self._speak, sounds[first : first + LONGEST], voice, style.rate)
            words = _spread(text, len(audio)) if first == 0 else ()
            yield Speech(audio, RATE_HZ, words)

    def _speak(self, sounds: str, voice: str, rate: float) -> NDArray[np.int16]:
        ids = tokens(sounds)
        table = self._voices[voice]
        feeds = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": table[min(len(ids), len(table) - 1)],
            "speed": np.array([rate], np.float32),
        }
        audio = _trimmed(self._session.run(None, feeds)[0])
        return (np.clip(audio, -1, 1) * 32767).astype(np.int16)


def _trimmed(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence around the speech."""
    loud = np.flatnonzero(np.abs(audio) > QUIET)
    if not len(loud):
        return audio[:0]
    kept = int(KEPT_S * RATE_HZ)
    return audio[max(0, loud[0] - kept) : loud[-1] + kept]


def _spread(text: str, samples: int) -> tuple[SpokenWord, ...]:
    """Words over the audio by their letters."""
    words = text.split()
    ends = np.cumsum([len(word) + 1 for word in words]) / max(1, sum(len(word) + 1 for word in words)) * samples
    starts = [0, *ends[:-1]]
    return tuple(SpokenWord(w, int(a), int(b)) for w, a, b in zip(words, starts, ends, strict=True))

"""Piper voices (en_US-joe-medium, CC0): the fastest voice, for machines that Kokoro is too much for.

VITS in ONNX (Kim et al. 2021): a phrase in one pass, some ten times faster than real time. Its graph gives sound
alone, so styles are compiled to what can be done around it (rate, loudness) and word times are shared out by phonemes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import Speech, SpokenWord, Style
from ..errors import Failed, Unavailable
from ..store import Store
from ..worker import Worker
from .cache import PhraseCache
from .contours import shaped_sound
from .phonemes import ipa, prepare
from .pieces import pieces
from .script import Saying, foreign, script
from .tones import compiled
from .trimming import Trimmer

QUIET = 0.004
KEPT_S = 0.06
PAUSE_S = 0.2
LONGEST = 400
"""Phonemes spoken at once."""

Floats = NDArray[np.float32]


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    """Another Piper voice: path of its .onnx file, with its .onnx.json beside it."""
    threads: int = Field(1, ge=1)
    """Threads of one phrase."""
    cache_mib: float = Field(8.0, ge=0)
    """Rendered phrases that are kept for the next time; 0 keeps none."""


class Piper:
    """Shared by all sessions; phrases wait in one line."""

    voices = ("default",)

    def __init__(self, options: Options, store: Store) -> None:
        prepare()
        path = Path(options.model).expanduser() if options.model else store.path("piper-joe") / "en_US-joe-medium.onnx"
        self._described = _described(path)
        self.rate_hz: int = self._described["audio"]["sample_rate"]
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
        self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self._cache = PhraseCache(int(options.cache_mib * 2**20))
        self._worker = Worker("piper")

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed for a voice there is not, and for a script that cannot be read."""
        if voice not in self.voices:
            raise Failed(f'there is no voice {voice!r}; this synthesizer has only "default"')
        if foreign(text):
            raise Failed("this voice speaks English, and the text is in a script that it cannot read")
        cached = self._cache.get(text, voice, style)
        if cached is not None:
            for speech in cached:
                yield speech
            return
        made: list[Speech] = []
        for piece in pieces(text):
            words = script(piece)
            if not words:
                continue
            before = sum(len(speech.samples) for speech in made)
            audio, timed = await self._worker.call(self._speak, words, compiled(style))
            if len(audio):
                moved = tuple(SpokenWord(w.text, before + w.start, before + w.end) for w in timed)
                made.append(Speech(audio, self.rate_hz, moved))
                yield made[-1]
        self._cache.put(text, voice, style, made)

    def _speak(self, words: tuple[Saying, ...], style: Style) -> tuple[NDArray[np.int16], tuple[SpokenWord, ...]]:
        symbols = ipa(" ".join(word.said for word in words), self._described["espeak"]["voice"], tie=False)[:LONGEST]
        usual = self._described["inference"]
        scales = [usual["noise_scale"], usual["length_scale"] / style.rate, usual["noise_w"]]
        feeds: dict[str, Any] = {
            "input": np.array([self._numbers(symbols)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        feeds["input_lengths"] = np.array([feeds["input"].shape[1]], np.int64)
        sound = self._session.run(None, feeds)[0].reshape(-1)
        trim = Trimmer(quiet=QUIET, before=int(KEPT_S * self.rate_hz), after=int(PAUSE_S * self.rate_hz))
        audio = (shaped_sound(trim(sound, final=True), style.energy_db) * 32767).astype(np.int16)
        return audio, _shared_out(words, len(audio) - int(PAUSE_S * self.rate_hz))

    def _numbers(self, symbols: str) -> list[int]:
        """Symbols as the model counts them: begin, each followed by a pad, end."""
        table: dict[str, list[int]] = self._described["phoneme_id_map"]
        numbers = [*table["^"], *table["_"]]
        for symbol in symbols:
            if symbol in table:
                numbers += [*table[symbol], *table["_"]]
        return [*numbers, *table["$"]]


def _described(path: Path) -> dict[str, Any]:
    """What the file beside the model says. Raises Unavailable."""
    try:
        described: dict[str, Any] = json.loads(path.with_name(path.name + ".json").read_text())
        if described["num_speakers"] > 1 or described.get("phoneme_type", "espeak") != "espeak":
            raise Unavailable(f"{path}: only Piper voices of one speaker with espeak phonemes are supported")
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(f"{path} is no Piper voice with its .onnx.json beside it: {error}") from error
    return described


def _shared_out(words: tuple[Saying, ...], samples: int) -> tuple[SpokenWord, ...]:
    """Words over the sound by their letters."""
    sizes = np.cumsum([0, *(len(word.said) + 1 for word in words)])
    edges = (sizes / sizes[-1] * max(0, samples)).astype(int)
    return tuple(
        SpokenWord(word.written, int(a), int(b)) for word, a, b in zip(words, edges[:-1], edges[1:], strict=True)
    )

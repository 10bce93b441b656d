"""Coqui XTTS-v2 (extra `coqui`): streamed speech in reference voices, for machines with a GPU.

The weights (hub coqui/XTTS-v2) are under the Coqui Public Model License: non-commercial use only. Affetto does not
fetch them; whoever may use them puts them into a folder and names it in `tts.options.folder`. The code (coqui-tts,
the kept-up fork) is MPL-2.0. Tested with coqui-tts 0.28 and small random weights.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from ..base import Speech, Style
from ..errors import Failed, Unavailable
from ..store import Store
from ..worker import Worker
from .contours import shaped_sound
from .pieces import pieces
from .script import script
from .tones import compiled

FILES = ("config.json", "model.pth", "vocab.json")
LONGEST_CHARS = 230
"""XTTS takes 400 tokens; its own limit for English is 250 characters."""
REFERENCE_HZ = 22_050
REFERENCE_LATENT_S, REFERENCE_LONGEST_S = 6, 30
"""Seconds of a reference that XTTS takes latents from at once, and that it looks at in all: its own defaults."""
LICENCE = "its weights are for non-commercial use only (Coqui Public Model License)"


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    folder: str = ""
    """Folder with XTTS-v2's config.json, model.pth, vocab.json and, for its own speakers, speakers_xtts.pth."""
    voice: str = "Ana Florence"
    """The speaker, or the reference of `references`, that "default" stands for."""
    references: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Voices by name, each cloned from WAV files of some seconds. Ask those whose voices they are."""
    language: str = "en"
    """Language spoken."""
    device: str = "cuda"
    """cuda or cpu."""
    chunk_tokens: int = Field(20, ge=4)
    """Tokens a piece of sound: 20 are a second."""


class Coqui:
    """Shared by all sessions; phrases wait in one line."""

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options
        folder = Path(options.folder).expanduser()
        if not options.folder or (missing := [name for name in FILES if not (folder / name).is_file()]):
            lacking = f"{folder} lacks {', '.join(missing)}" if options.folder else "tts.options.folder is not set"
            raise Unavailable(f"XTTS-v2 cannot be loaded: {lacking}. Get it from the hub (coqui/XTTS-v2); {LICENCE}")
        config = XttsConfig()
        config.load_json(str(folder / "config.json"))
        self._model: Any = Xtts(config)
        try:
            self._model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
            self._model.to(options.device)
        except (RuntimeError, OSError, KeyError) as error:
            why = str(error).partition("\n")[0]
            raise Unavailable(f"XTTS-v2 in {folder} cannot be loaded on {options.device}: {why}") from error
        self.rate_hz: int = config.model_args.output_sample_rate
        self._speakers = self._learnt()
        if options.voice not in self._speakers:
            known = ", ".join(self._speakers) or "none: give some in tts.options.references"
            raise Unavailable(f"there is no voice {options.voice!r}; there are {known}")
        self._speakers["default"] = self._speakers[options.voice]
        self._worker = Worker("xtts")

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(self._speakers)

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed for a voice there is not; there are no word times."""
        if voice not in self._speakers:
            raise Failed(f"there is no voice {voice!r}; choose one of {', '.join(self._speakers)}")
        numbers = compiled(style)
        for piece in pieces(text, LONGEST_CHARS):
            said = " ".join(word.said for word in script(piece))
            if said:
                async for audio in self._worker.stream(lambda said=said: self._generated(said, voice, numbers)):  # type: ignore[misc]
                    yield Speech(audio, self.rate_hz)

    def _generated(self, said: str, voice: str, style: Style) -> Iterator[NDArray[np.int16]]:
        latents, embedding = self._speakers[voice]
        try:
            chunks = self._model.inference_stream(
                said,
                self._options.language,
                latents,
                embedding,
                stream_chunk_size=self._options.chunk_tokens,
                speed=style.rate,
            )
            for chunk in chunks:
                sound = chunk.detach().float().cpu().numpy().reshape(-1)
                yield (shaped_sound(sound, style.energy_db) * 32767).astype(np.int16)
        except (RuntimeError, AssertionError) as error:
            raise Failed(f"XTTS could not say this: {error}") from error

    def _learnt(self) -> dict[str, tuple[Any, Any]]:
        """Latents and embedding of every speaker: XTTS's own and the references'."""
        speakers: dict[str, tuple[Any, Any]] = {}
        if self._model.speaker_manager is not None:
            for name, speaker in self._model.speaker_manager.speakers.items():
                latents, embedding = speaker.values()
                speakers[name] = (latents, embedding)
        for name, paths in self._options.references.items():
            if absent := [path for path in paths if not Path(path).is_file()]:
                raise Unavailable(f"the reference recordings of {name!r} are not there: {', '.join(absent)}")
            speakers[name] = self._heard(paths)
        return speakers

    def _heard(self, paths: Sequence[str]) -> tuple[Any, Any]:
        """Latents and embedding of one reference voice, as of `get_conditioning_latents`, but read without FFmpeg."""
        sounds = [torch.from_numpy(_sound(Path(path)))[None].to(self._options.device) for path in paths]
        embeddings = [self._model.get_speaker_embedding(sound, REFERENCE_HZ) for sound in sounds]
        whole = torch.cat(sounds, dim=-1)
        latents = self._model.get_gpt_cond_latents(
            whole, REFERENCE_HZ, length=REFERENCE_LATENT_S, chunk_length=REFERENCE_LATENT_S
        )
        return latents, torch.stack(embeddings).mean(dim=0)


def _sound(path: Path) -> NDArray[np.float32]:
    """A recording at XTTS's rate, mono, no longer than it looks at. Raises Unavailable."""
    try:
        sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise Unavailable(f"the reference recording {path} cannot be read: {error}") from error
    mono = np.asarray(soxr.resample(sound.mean(axis=1), rate_hz, REFERENCE_HZ), np.float32)
    return mono[: REFERENCE_LONGEST_S * REFERENCE_HZ]

"""Encoder frames of every recording, computed once: a cache on disk beside nothing of the repository.

Training reads what the live loop reads: the recogniser's own encoding of the speech with its short silence after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...models.asr.faster_whisper import ENCODER_HOP, FasterWhisper, Options
from ...models.base import HEARING_RATE_HZ, Encoding, Samples
from ...models.cues import features, prosody
from ...models.store import Store
from .augment import Materials, varied
from .cues_data import Clip, WeightSet, may_train

ROOM = "rir"
NOISES = frozenset(
    {
        *("rain", "wind", "engine", "vacuum cleaner", "washing machine", "train"),
        *("keyboard typing", "footsteps", "clock tick", "mouse click", "chirping birds"),
    }
)
"""Labels of noises that may go on behind somebody who speaks."""


def load(path: Path) -> Samples:
    """A recording as mono float32 at 16 kHz (first channel)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio[:, 0]
    return np.asarray(mono if rate == HEARING_RATE_HZ else soxr.resample(mono, rate, HEARING_RATE_HZ), np.float32)


class Encoder:
    """Encodes recordings, and altered copies of them, through a cache folder."""

    def __init__(self, store: Store, cache: Path, materials: Materials | None = None, *, threads: int = 1) -> None:
        self._store = store
        self._cache = cache
        self._threads = threads
        self._materials = materials or Materials()
        self._model: FasterWhisper | None = None

    def audio(self, path: Path, variant: int = 0) -> Samples:
        """The recording itself (variant 0), or one of its altered copies, the same each time."""
        audio = load(path)
        if not variant:
            return audio
        seed = int(hashlib.sha256(f"{path.name}:{variant}".encode()).hexdigest()[:12], 16)
        return varied(audio, self._materials, np.random.default_rng(seed))

    def frames(self, path: Path, variant: int = 0) -> NDArray[np.float32]:
        """Encoder frames [n, 512], 20 ms each."""
        kept = self._cache / f"{variant}" / path.parent.name / f"{path.stem}.npy"
        return self._kept(kept, lambda: self.audio(path, variant))

    def _kept(self, kept: Path, audio: Callable[[], Samples]) -> NDArray[np.float32]:
        if kept.is_file():
            return np.asarray(np.load(kept), np.float32)
        frames = self._whisper().encoding(audio()).frames
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npy")
        np.save(partial, frames.astype(np.float16))
        partial.replace(kept)
        return frames

    def turn(self, path: Path, variant: int = 0) -> features.Turn:
        """The recording as the cue heads take it. Its numbers are kept beside its frames."""
        frames = self.frames(path, variant)
        kept = self._cache / f"{variant}" / path.parent.name / f"{path.stem}.turn.npz"
        if kept.is_file():
            with np.load(kept) as data:
                return features.Turn(frames, data["speech"], data["numbers"])
        audio = self.audio(path, variant)
        turn = features.of(audio, Encoding(frames, ENCODER_HOP), prosody.contours_of(audio))
        partial = kept.with_suffix(".partial.npz")
        np.savez(partial, speech=turn.speech, numbers=turn.numbers)
        partial.replace(kept)
        return turn

    def frames_of(self, name: str, audio: Samples) -> NDArray[np.float32]:
        """Encoder frames of made-up audio, kept under a name that stands for it."""
        digest = hashlib.sha256(f"{name}:{audio.tobytes().hex()[:64]}:{len(audio)}".encode()).hexdigest()[:24]
        return self._kept(self._cache / "made" / f"{digest}.npy", lambda: audio)

    def _whisper(self) -> FasterWhisper:
        if self._model is None:
            self._model = FasterWhisper(Options(threads=self._threads), self._store)
        return self._model


def materials(root: Path, clips: Iterable[Clip], weights: WeightSet) -> Materials:
    """Rooms and steady noises of a manifest that these weights may learn from; share-alike rooms are left out."""
    usable = [clip for clip in clips if may_train(clip, weights) and "share alike" not in clip.licence.lower()]
    rooms = [load(root / clip.path) for clip in usable if clip.label == ROOM]
    noises = [load(root / clip.path) for clip in usable if clip.label in NOISES]
    return Materials(tuple(rooms), tuple(noises))

"""Recordings to measure with, and what is true of them. Times are seconds from the start of the sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...server.protocol import PCM_RATE_HZ
from .. import sound
from ..errors import UnreadableAudio
from ..turn import Pcm

FOLDER = Path(__file__).parents[1] / "recordings"
KINDS = ("questions", "interruptions", "murmurs", "noises")
SUFFIXES = frozenset({".flac", ".wav", ".ogg", ".mp3"})
PAUSES_S = (0.5, 0.8, 1.1, 1.5)
"""Lengths of the pauses that are put into sentences."""
KEEP_FROM_ENDS_S = 0.7
"""A pause lies inside a sentence: at least this much speech before and after it."""
GAP_HOPS = 5
"""The quietest 50 ms between two words are where people pause."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording, trimmed to its speech, so that it begins at 0 and ends at `end_s`."""

    name: str
    pcm: Pcm
    pauses: tuple[tuple[float, float], ...] = ()
    """Where silence was put in: from, to."""

    @property
    def end_s(self) -> float:
        return sound.seconds(self.pcm)


@dataclass(frozen=True, slots=True)
class Material:
    """What callers say: whole sentences, sentences over an answer, sounds over an answer, sounds into silence."""

    questions: tuple[Sound, ...]
    interruptions: tuple[Sound, ...]
    murmurs: tuple[Sound, ...]
    noises: tuple[Sound, ...]


def load(folder: Path | None = None) -> Material:
    """The recordings that ship, or those of a folder with the same subfolders; a folder of plain recordings gives
    questions and interruptions, and the rest is what ships. Raises UnreadableAudio."""
    shipped = {kind: tuple(_sounds(FOLDER / kind)) for kind in KINDS}
    if folder is None:
        return Material(**shipped)
    own = {kind: tuple(_sounds(folder / kind)) for kind in KINDS}
    plain = tuple(_sounds(folder))
    if plain:
        own = {**own, "questions": plain, "interruptions": plain}
    if not own["questions"]:
        raise UnreadableAudio(f"{folder} holds no recordings: give a folder of WAV, FLAC or OGG files")
    return Material(**{kind: own[kind] or shipped[kind] for kind in KINDS})


def paused(whole: Sound, length_s: float) -> Sound | None:
    """The same sentence with a pause inside, at the quietest place that is not near its ends; `None` where it is too
    short for that. The pause is digital silence with the recording's own faint noise, as a microphone has it."""
    level = sound.levels_db(whole.pcm)
    margin = round(KEEP_FROM_ENDS_S * PCM_RATE_HZ / sound.HOP)
    inner = level[margin : len(level) - margin]
    if len(inner) <= GAP_HOPS:
        return None
    quiet = np.convolve(10 ** (inner / 10), np.ones(GAP_HOPS), "valid")
    hop = margin + int(np.argmin(quiet)) + GAP_HOPS // 2
    at = hop * sound.HOP
    silence = _faint_noise(round(length_s * PCM_RATE_HZ), level)
    pcm = np.concatenate([whole.pcm[:at], silence, whole.pcm[at:]])
    start = at / PCM_RATE_HZ
    return Sound(f"{whole.name} +{length_s:g}s", pcm, ((start, start + length_s),))


def with_pauses(questions: tuple[Sound, ...]) -> tuple[Sound, ...]:
    """Each sentence that is long enough, with a pause; the lengths take turns."""
    made = [paused(question, PAUSES_S[index % len(PAUSES_S)]) for index, question in enumerate(questions)]
    return tuple(case for case in made if case is not None)


def _sounds(folder: Path) -> Iterator[Sound]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            yield Sound(path.stem, sound.trimmed(sound.read(path)))


def _faint_noise(samples: int, level: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Pcm:
    """Noise as loud as the quietest tenth of the recording, at most -60 dB; the same each time."""
    loudness = 32768 * 10 ** (min(float(np.percentile(level, 10)), -60.0) / 20)
    return np.asarray(np.random.default_rng(samples).normal(0, loudness, samples), np.int16)

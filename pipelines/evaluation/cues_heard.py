"""Recordings as the heads see them, and what is known of each speaker when a recording comes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.base import Baseline, Cues, Prosody
from ...models.cues import heads
from ...models.cues.baseline import updated
from ...models.cues.families import HEADS
from ..training import cues_data

SEED = 20

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as the heads see it, and which sounds they heard in it."""

    clip: cues_data.Clip
    row: Mapping[str, str]
    numbers: Floats
    sounds: frozenset[str]


def running(trained: heads.Heads, heard: Sequence[Heard], *, everyday: bool = False) -> Floats:
    """Probability of each family for each recording, [n, 7], against the baseline that it meets."""
    return read(trained, heard, baselines(heard), everyday=everyday)


def read(trained: heads.Heads, heard: Sequence[Heard], met: Sequence[Baseline], *, everyday: bool) -> Floats:
    """The same against the baselines given; `everyday` as a session says it, else with all families as likely."""
    of = trained.everyday if everyday else trained.families
    rows = [of(trained.relative(h.numbers, before)) for h, before in zip(heard, met, strict=True)]
    return np.array(rows, np.float32).reshape(-1, len(HEADS))


def baselines(heard: Sequence[Heard]) -> list[Baseline]:
    """What is known of the speaker before each recording: each speaker's in one seeded order, the first one cold."""
    met = [Baseline()] * len(heard)
    known: dict[str, Baseline] = {}
    for index in np.random.default_rng(SEED).permutation(len(heard)):
        here = heard[index]
        if here.clip.speaker:
            speaker = f"{here.clip.corpus}/{here.clip.speaker}"
            met[index] = known.get(speaker, Baseline())
            known[speaker] = updated(met[index], Cues(prosody=_ANY, voice=tuple(here.numbers.tolist())))
    return met


_ANY = Prosody(None, None, 0.0, 0.0, None, 0.0, None, None, None)
"""Stands for measurements where only the voice's numbers matter."""

"""How well our own voice that comes back is told from a person who speaks over it, as the barge-in ladder looks at it.

A person begins to speak while ours goes on, or within half a second of the beginning of our next phrase, where two
voices are most alike. An echo is ours, later by 20 to 350 ms, through a room (noise that dies away by 60 dB in 0.2 to
0.7 s), 10 to 26 dB fainter, in a little noise. Random, but the same each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples
from ..duplex.echo import FarEnd, is_echo
from ..duplex.overlap import LISTEN_FROM_MS, LISTENING_MS, LOOK_MS, WORDS_FROM_MS

TRIALS = 200
ONSET_S, LENGTH_S = 1.0, 2.6
"""The voice over ours begins after a second."""
PIECE_S = 0.1
LATE_S, FAINT_DB, DIES_S = (0.02, 0.35), (-26.0, -10.0), (0.2, 0.7)
NOISE_DB = (-76.0, -60.0)
BETWEEN_S = (0.15, 0.6)
"""Pauses between our phrases."""
BEFORE_S = 0.08
"""A voice is listened to from so much before its onset, at most."""
LEADS = 0.05
"""Of the highest amplitude: where speech begins."""
FULL = 32768


@dataclass(frozen=True, slots=True)
class Stage:
    """What is played and who may speak over it: float32 at 16 kHz, each begins with speech."""

    ours: Sequence[Samples]
    people: Sequence[Samples]
    rooms: Sequence[Samples] = ()
    """Impulse responses of real rooms, in place of noise that dies away."""


def evaluate(stage: Stage, trials: int) -> dict[str, Any]:
    """Shares of people who were taken for our echo at any look, and of echoes that were known by 0.5 s, by the time
    when words make an interruption, and at all."""
    found: dict[str, Any] = {"trials": trials}
    for where, begins in (("during", (-1.0, -0.5)), ("with", (-0.5, 0.5))):
        rng = np.random.default_rng(1)
        known = [_known_ms(*_person(stage, begins, rng), rng) for _ in range(trials)]
        found[f"people_taken_{where}"] = _share(known, LISTENING_MS)
    for where, begins in (("during", (-1.0, -0.5)), ("with", (0.0, 0.0))):
        rng = np.random.default_rng(2)
        known = [_known_ms(*_echo(stage, begins, rng), rng) for _ in range(trials)]
        limits = {"by_500_ms": 500, f"by_{WORDS_FROM_MS}_ms": WORDS_FROM_MS, "ever": LISTENING_MS}
        found[f"echoes_known_{where}"] = {name: _share(known, limit) for name, limit in limits.items()}
    return found


def told(found: dict[str, Any]) -> str:
    lines = [f"of {found['trials']} each:"]
    for where, meaning in (("during", "in the middle of ours"), ("with", "with the beginning of ours")):
        known = ", ".join(
            f"{share:.0%} {limit.replace('_', ' ')}" for limit, share in found[f"echoes_known_{where}"].items()
        )
        lines.append(
            f"{meaning}: {found[f'people_taken_{where}']:.1%} of people taken for our echo; echoes known {known}"
        )
    return "\n".join(lines)


def _known_ms(played: Samples, heard: Samples, onset: int, rng: np.random.Generator) -> float:
    """When the ladder would have called it our echo, milliseconds after the onset; infinite if never."""
    far, rate = FarEnd(), HEARING_RATE_HZ
    for start in range(0, len(played), int(PIECE_S * rate)):
        piece = played[start : start + int(PIECE_S * rate)]
        far.add((np.clip(piece, -1, 1) * (FULL - 1)).astype(np.int16), rate, start / rate)
    start = onset - int(rng.uniform(0, BEFORE_S) * rate)
    for milliseconds in range(LISTEN_FROM_MS, LISTENING_MS + 1, LOOK_MS):
        end = start + milliseconds * rate // 1000
        if is_echo(far.likeness(heard[start:end], end / rate), milliseconds / 1000):
            return milliseconds
    return float("inf")


def _person(stage: Stage, begins: tuple[float, float], rng: np.random.Generator) -> tuple[Samples, Samples, int]:
    """What we play, what is heard of a person, and where they begin."""
    onset = int(ONSET_S * HEARING_RATE_HZ)
    heard = _track([(onset, _any(stage.people, rng))])
    return _ours(stage, ONSET_S + rng.uniform(*begins), rng), _noisy(heard, rng), onset


def _echo(stage: Stage, begins: tuple[float, float], rng: np.random.Generator) -> tuple[Samples, Samples, int]:
    played, rate = _ours(stage, ONSET_S + rng.uniform(*begins), rng), HEARING_RATE_HZ
    late = int(rng.uniform(*LATE_S) * rate)
    room = _any(stage.rooms, rng) if stage.rooms else _room(rng)
    size = len(played) + len(room)
    heard = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(room, size), size)[: len(played)]
    heard *= _level(played) / _level(heard) * 10 ** (rng.uniform(*FAINT_DB) / 20)
    onset = int(ONSET_S * rate) + late
    return played, _noisy(np.concatenate([np.zeros(late), heard])[: len(played)], rng), onset


def _room(rng: np.random.Generator) -> Samples:
    """Noise that dies away; what comes straight is 6 dB fainter than all that comes later."""
    at = np.arange(HEARING_RATE_HZ) / HEARING_RATE_HZ
    room = rng.normal(size=len(at)) * 10 ** (-3 * at / rng.uniform(*DIES_S))
    room[0] = np.sqrt(np.sum(room[1:] ** 2)) / 2
    return np.asarray(room, np.float32)


def _ours(stage: Stage, begins_s: float, rng: np.random.Generator) -> Samples:
    """Phrases, with pauses between them; one of them begins then."""
    at, rate = int(begins_s * HEARING_RATE_HZ), HEARING_RATE_HZ
    before = _any(stage.ours, rng)
    sounds = [(at - int(rng.uniform(*BETWEEN_S) * rate) - len(before), before)]
    while at < LENGTH_S * rate:
        sounds.append((at, _any(stage.ours, rng)))
        at += len(sounds[-1][1]) + int(rng.uniform(*BETWEEN_S) * rate)
    return _track(sounds)


def _track(sounds: Sequence[tuple[int, Samples]]) -> Samples:
    track = np.zeros(int(LENGTH_S * HEARING_RATE_HZ), np.float32)
    for at, sound in sounds:
        begin, end = max(0, at), min(len(track), at + len(sound))
        if begin < end:
            track[begin:end] = sound[begin - at : end - at]
    return track


def _noisy(heard: NDArray[np.floating[Any]], rng: np.random.Generator) -> Samples:
    noise = rng.normal(0, 10 ** (rng.uniform(*NOISE_DB) / 20), len(heard))
    return np.asarray(heard + noise, np.float32)


def _any(sounds: Sequence[Samples], rng: np.random.Generator) -> Samples:
    return sounds[int(rng.integers(len(sounds)))]


def _level(sound: NDArray[np.floating[Any]]) -> float:
    return float(np.sqrt(np.mean(sound**2)) + 1e-9)


def _share(known: Sequence[float], limit: float) -> float:
    return round(sum(ms <= limit for ms in known) / len(known), 3)


def begun(sound: Samples) -> Samples:
    """A sound without the silence before it."""
    return sound[int(np.argmax(np.abs(sound) > np.abs(sound).max() * LEADS)) :]

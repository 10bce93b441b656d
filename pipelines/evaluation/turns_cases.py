"""Stretches of talk with known pauses and ends, made of recordings with time-stamped events or of whole sentences.

An events CSV has the columns file, event, speaker, start, end, other (seconds): `turn_shift` (the speaker ends at
`start`, the other begins at `end`), `hold_pause` (the speaker pauses from `start` to `end` and goes on) and `barge_in`
(the speaker begins at `start` over the other). A recording is heard as a server hears it: one speaker's turn, then
silence, so that the next speaker's haste does not hide how long we would have waited.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Samples

SUFFIXES = frozenset({".flac", ".wav", ".ogg", ".mp3"})
LEAD_S = 0.3
"""Heard before a turn: its first consonant may lie before its label."""
TAIL_S = 0.3
"""Heard after it, for the same reason, unless somebody speaks sooner."""
SILENCE_S = 6.0
"""Silence after the end: longer than the longest wait."""
SHORTEST_TURN_S = 0.8
LONGEST_TURN_S = 60.0
PAUSES_S = (0.5, 0.8, 1.1, 1.5)
"""Lengths of the pauses that are put into sentences; they take turns."""
KEEP_FROM_ENDS_S = 0.7
GAP_S = 0.05
QUIET_DB = 35.0
"""This much below the loudest is silence."""
FAINT_DB = -66.0


class BadData(Exception):
    """The data cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One turn and the silence after it, 16 kHz. `end_s` is where the speaker ends; `None` where that is not known
    (then only the pauses before `until_s` count)."""

    name: str
    audio: Samples
    end_s: float | None
    until_s: float


def from_events(rows: Iterable[Mapping[str, str]], root: Path) -> Iterator[Case]:
    """Cases of every recording that the events name; its file is the one below `root` whose name ends with theirs.

    Raises:
        BadData: a recording is missing or a row makes no sense.
    """
    recordings: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        recordings.setdefault(row["file"], []).append(row)
    for name, events in recordings.items():
        try:
            yield from _turns(name, sorted(events, key=lambda row: float(row["start"])), _find(name, root))
        except (ValueError, KeyError) as error:
            raise BadData(f"an event of {name} makes no sense: {error}") from None


def with_pauses(rows: Iterable[Mapping[str, str]], root: Path) -> Iterator[Case]:
    """Cases of every recorded sentence that is long enough, each with a pause put in. Raises BadData."""
    for index, row in enumerate(rows):
        case = with_pause(row["path"], read(root / row["path"]).mean(axis=0), PAUSES_S[index % len(PAUSES_S)])
        if case is not None:
            yield case


def with_pause(name: str, audio: Samples, length_s: float) -> Case | None:
    """A sentence with a pause at its quietest inner place; `None` where it is too short for that. Mind that a read
    sentence holds whole clauses, and may go on after its recording ends: no listener could tell all of these apart."""
    speech = _trimmed(audio)
    hop = round(GAP_S * HEARING_RATE_HZ)
    margin = round(KEEP_FROM_ENDS_S * HEARING_RATE_HZ)
    inner = speech[margin : len(speech) - margin]
    if len(inner) < 4 * hop:
        return None
    at = margin + _quietest(inner, hop)
    before = _faint(LEAD_S)
    audio = np.concatenate([before, speech[:at], _faint(length_s), speech[at:], _faint(SILENCE_S)])
    end_s = (len(before) + len(speech)) / HEARING_RATE_HZ + length_s
    return Case(name, audio, end_s, end_s)


def read(path: Path) -> Samples:
    """All channels at 16 kHz, float32 [channels, n]. Raises BadData."""
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise BadData(f"cannot read {path}: {error}") from None
    at_rate = soxr.resample(audio, rate, HEARING_RATE_HZ) if rate != HEARING_RATE_HZ else audio
    return np.ascontiguousarray(at_rate.T, np.float32)


# -- from events -----------------------------------------------------------------------------------


def _turns(name: str, events: Sequence[Mapping[str, str]], path: Path) -> Iterator[Case]:
    """One case a turn: as far as the events follow it."""
    channels = read(path)
    speakers = sorted({row["speaker"] for row in events} | {row["other"] for row in events})
    alone = len(channels) == len(speakers) > 1  # then the first name speaks on the first channel
    turns: dict[tuple[str, float], Mapping[str, str]] = {}
    for row in events:
        if row["event"] in ("turn_shift", "hold_pause"):
            turns[row["speaker"], _began(events, row["speaker"], float(row["start"]))] = row
    for (speaker, began_s), row in turns.items():
        if SHORTEST_TURN_S <= float(row["start"]) - began_s <= LONGEST_TURN_S:
            heard = channels[speakers.index(speaker)] if alone else channels.mean(axis=0)
            yield _turn(f"{name} {speaker} {began_s:.1f}-{row['start']}", row, heard, began_s, alone=alone)


def _turn(label: str, last: Mapping[str, str], heard: Samples, began_s: float, *, alone: bool) -> Case:
    """From a turn's beginning to its last event: a pause and what follows, or the end and silence."""
    at_s, next_s = float(last["start"]), float(last["end"])
    if last["event"] == "hold_pause":
        audio = _cut(heard, began_s - LEAD_S, next_s + 1.0)
        return Case(label, audio, None, len(audio) / HEARING_RATE_HZ)
    tail_s = TAIL_S if alone else max(0.0, min(TAIL_S, next_s - at_s))
    turn = _cut(heard, began_s - LEAD_S, at_s + tail_s)
    end_s = _last_sound_s(turn)
    return Case(label, np.concatenate([turn, _faint(SILENCE_S)]), end_s, end_s)


def _began(events: Sequence[Mapping[str, str]], speaker: str, before_s: float) -> float:
    """When the turn that is under way at a moment began, as far as the events tell."""
    began = 0.0
    for row in events:
        if row["event"] == "turn_shift" and float(row["end"]) < before_s:
            began = max(began, float(row["end"]))
        elif row["event"] == "barge_in" and row["speaker"] == speaker and float(row["start"]) < before_s:
            began = max(began, float(row["start"]))
    return began


def _find(name: str, root: Path) -> Path:
    wanted = _plain(name)
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in SUFFIXES and _plain(path.stem).endswith(wanted)
    ]
    if not found:
        raise BadData(f"no recording below {root} has a name that ends with {name}")
    return found[0]


def _plain(name: str) -> str:
    """Without accents: archives spell the same name in several ways."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).lower()


def _cut(audio: Samples, start_s: float, end_s: float) -> Samples:
    return audio[max(0, round(start_s * HEARING_RATE_HZ)) : round(end_s * HEARING_RATE_HZ)]


# -- from sentences --------------------------------------------------------------------------------


def _trimmed(audio: Samples) -> Samples:
    """From the first to the last 10 ms that are no silence."""
    hop = HEARING_RATE_HZ // 100
    level = _energy(audio, hop)
    spoken = np.flatnonzero(level > level.max() / 10 ** (QUIET_DB / 10)) if len(level) else np.zeros(0, np.int64)
    return audio[spoken[0] * hop : (spoken[-1] + 1) * hop] if len(spoken) else audio[:0]


def _quietest(audio: Samples, length: int) -> int:
    """Middle of the quietest stretch of a length, in samples."""
    hop = HEARING_RATE_HZ // 100
    sums = np.convolve(_energy(audio, hop), np.ones(length // hop), "valid")
    return (int(np.argmin(sums)) + length // hop // 2) * hop


def _last_sound_s(audio: Samples) -> float:
    """Where the speech really ends: labels are late or early by some tenths of a second."""
    hop = HEARING_RATE_HZ // 100
    level = _energy(audio, hop)
    spoken = np.flatnonzero(level > level.max() / 10 ** (QUIET_DB / 10))
    return float(spoken[-1] + 1) * hop / HEARING_RATE_HZ if len(spoken) else len(audio) / HEARING_RATE_HZ


def _energy(audio: Samples, hop: int) -> NDArray[np.float32]:
    count = len(audio) // hop
    return np.asarray(np.square(audio[: count * hop]).reshape(count, hop).mean(axis=1), np.float32)


def _faint(seconds: float) -> Samples:
    """What a microphone gives where nobody speaks; the same each time."""
    count = round(seconds * HEARING_RATE_HZ)
    noise = np.random.default_rng(count).normal(0, 10 ** (FAINT_DB / 20), count)
    return np.asarray(noise, np.float32)

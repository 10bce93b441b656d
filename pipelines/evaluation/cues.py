"""How well voices are read: emotion, confidence, sounds, age and gender, by group, and what a second costs.

Manifests come as other people made them: any sampling rate and channels, any column but the path missing, labels that
we do not know. What cannot be used is counted and told, and the rest is measured.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Baseline, Encoding, Samples
from ...models.cues import events, features, heads, prosody
from ...models.cues.families import HEADS
from ..training import cues_data, cues_labels
from . import measures
from .asr import read
from .cues_beside import person, ratings, sounds, votes
from .cues_heard import SEED, Heard, running
from .cues_told import Bar, coverage, told

TURNS = (1, 2, 5)
FAMILIAR_TURNS = 40
FEW_CLASSES = 4
"""The first families, which nearly all corpora have: neutral, happy, sad, angry."""
SHORTEST_SAMPLES = HEARING_RATE_HZ // 10

Floats = NDArray[np.float32]


class NothingToRead(ValueError):
    """No recording of the manifest can be used; the message says why the first cannot."""


class Encoder(Protocol):
    def encoding(self, audio: Samples) -> Encoding: ...


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` as JSON, and the arrays that plots need."""

    figures: dict[str, Any]
    truth: NDArray[np.int_]
    probabilities: Floats
    classes: tuple[str, ...]


def evaluate(
    trained: heads.Heads,
    encoder: Encoder,
    rows: Sequence[Mapping[str, str]],
    root: Path,
    *,
    bar: Bar = lambda turns: 0.0,
) -> Report:
    """Read each row's `path` below `root`; what a row does not label is not counted, what cannot be read is named.

    Columns: path, and where known emotion, ds, speaker, gender, age, event, valence, arousal, dominance, and votes
    (see `ballot`). The speaker's baseline grows in the order that a seed draws, as it would in a session. `bar` is the
    confidence from which a feeling is told at a turn with so many behind it.

    Raises:
        NothingToRead: not one recording could be read.
    """
    heard: list[Heard] = []
    unread: dict[str, str] = {}
    audio_s = work_s = 0.0
    for row in rows:
        try:
            audio = read(root / row["path"])
        except (OSError, soundfile.SoundFileError) as error:
            unread[row["path"]] = str(error)
            continue
        if len(audio) < SHORTEST_SAMPLES:
            unread[row["path"]] = f"{len(audio) / HEARING_RATE_HZ:.2f} s is too short to hear anything"
            continue
        encoding = encoder.encoding(audio)
        began = time.process_time()
        heard.append(_heard(trained, audio, encoding, row))
        work_s, audio_s = work_s + time.process_time() - began, audio_s + len(audio) / HEARING_RATE_HZ
    if not heard:
        why = next(iter(unread.values()), "there is none")
        raise NothingToRead(f"none of {len(rows)} recordings can be read below {root}, the first because: {why}")
    report = judged(trained, heard, bar=bar)
    speed = {"ms_per_s": round(1000 * work_s / max(audio_s, 1e-9), 2), "audio_s": round(audio_s, 1)}
    return replace(report, figures=report.figures | speed | _unusable(rows, unread))


def _heard(trained: heads.Heads, audio: Samples, encoding: Encoding, row: Mapping[str, str]) -> Heard:
    turn = features.of(audio, encoding, prosody.contours_of(audio))
    names, thresholds = trained.meta["events"], trained.meta["thresholds"]
    sounds = events.spans(trained.events(turn.frames), names, thresholds, turn.speech)
    trained.everyday(trained.relative(turn.numbers, Baseline()))  # so that the time of all the heads counts
    return Heard(cues_data.clip(row), row, turn.numbers, frozenset(str(span.event) for span in sounds))


def _unusable(rows: Sequence[Mapping[str, str]], unread: Mapping[str, str]) -> dict[str, Any]:
    """What was left out, and why: recordings with the reason, and labels with how often each came."""
    labels = Counter(str(row.get("emotion") or "").strip() for row in rows)
    strange = {label: count for label, count in labels.items() if label and not _known(label, rows)}
    found: dict[str, Any] = {"unread": dict(unread)} if unread else {}
    return found | ({"unknown_labels": strange} if strange else {})


def _known(label: str, rows: Sequence[Mapping[str, str]]) -> bool:
    row = next(row for row in rows if (row.get("emotion") or "").strip() == label)
    return bool(cues_data.clip(row).families.any()) or label.lower() in cues_labels.EVENTS


def judged(trained: heads.Heads, heard: Sequence[Heard], *, bar: Bar = lambda turns: 0.0) -> Report:
    """All figures from recordings that have been read."""
    labelled = [h for h in heard if h.clip.families.max() > 0.5]
    truth = np.array([int(h.clip.families.argmax()) for h in labelled], np.int_)
    classes = np.unique(truth)
    whole = running(trained, labelled)
    chosen = _among(whole, classes)
    figures: dict[str, Any] = {"uar": None, "ece": None, "n": len(labelled) or len(heard), "recordings": len(heard)}
    if len(labelled):
        figures |= _emotion(truth, chosen, classes) | {"baseline": "running"}
        figures |= _four(truth, whole)
        figures |= _cold_start(trained, labelled, truth, classes)
        figures["groups"] = _groups(labelled, truth, chosen, classes)
        figures["recall"] = {
            str(HEADS[label]): round(share, 4)
            for label, share in measures.recalls(truth, _guess(chosen, classes)).items()
        }
        figures["coverage"] = coverage(trained, labelled, truth)
    figures["told"] = told(trained, heard, bar)
    figures |= ratings(trained, heard) | votes(trained, heard) | sounds(heard) | person(trained, heard)
    return Report(figures, truth, whole, tuple(str(HEADS[label]) for label in classes))


def _among(probabilities: Floats, classes: NDArray[np.int_]) -> Floats:
    """Probabilities of the classes that occur, scaled to sum to 1."""
    chosen = probabilities[:, classes]
    return np.asarray(chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-9), np.float32)


def _guess(chosen: Floats, classes: NDArray[np.int_]) -> NDArray[np.int_]:
    return np.asarray(classes[chosen.argmax(axis=1)]) if len(chosen) else np.zeros(0, np.int_)


def _emotion(truth: NDArray[np.int_], chosen: Floats, classes: NDArray[np.int_]) -> dict[str, Any]:
    guess = _guess(chosen, classes)
    best_two = np.argsort(-chosen, axis=1)[:, :2]
    return {
        "uar": round(measures.uar(truth, guess), 4),
        "ece": round(measures.ece(chosen.max(axis=1), guess == truth), 4),
        "macro_f1": round(measures.macro_f1(truth, guess), 4),
        "two_best": round(float((classes[best_two] == truth[:, None]).any(axis=1).mean()), 4),
        "labelled": len(truth),
        "classes": [str(HEADS[label]) for label in classes],
    }


def _four(truth: NDArray[np.int_], whole: Floats) -> dict[str, Any]:
    """The main figures over the four families that corpora share, where all four are labelled."""
    mask = truth < FEW_CLASSES
    if len(np.unique(truth[mask])) < FEW_CLASSES:
        return {}
    classes = np.arange(FEW_CLASSES)
    chosen = _among(whole[mask], classes)
    guess = _guess(chosen, classes)
    right = guess == truth[mask]
    return {
        "uar_4": round(measures.uar(truth[mask], guess), 4),
        "ece_4": round(measures.ece(chosen.max(axis=1), right), 4),
        "n_4": int(mask.sum()),
    }


def _cold_start(
    trained: heads.Heads, heard: Sequence[Heard], truth: NDArray[np.int_], classes: NDArray[np.int_]
) -> dict[str, Any]:
    """UAR at a turn of each number, over all families that occur and over the four that corpora share."""
    at = {str(turn): _at_turn(trained, heard, turn) for turn in TURNS}
    at["later"] = _at_turn(trained, heard, FAMILIAR_TURNS + 1)
    all_of_them = {
        turn: round(measures.uar(truth, _guess(_among(out, classes), classes)), 4) for turn, out in at.items()
    }
    four = {turn: figure for turn, out in at.items() if (figure := _four(truth, out).get("uar_4")) is not None}
    return {"cold_start": all_of_them} | ({"cold_start_4": four} if four else {})


def _at_turn(trained: heads.Heads, heard: Sequence[Heard], turn: int) -> Floats:
    """Probabilities of each recording with `turn` - 1 others of its speaker drawn to go before it."""
    rng = np.random.default_rng(SEED)
    rows: dict[str, list[int]] = {}
    for index, here in enumerate(heard):
        rows.setdefault(f"{here.clip.corpus}/{here.clip.speaker}", []).append(index)
    numbers = np.array([here.numbers for here in heard])
    out = np.zeros((len(heard), len(HEADS)), np.float32)
    for mine in rows.values():
        for index in mine:
            before = rng.permutation([other for other in mine if other != index])[: turn - 1]
            usual = tuple(_mean(numbers[before]).tolist()) if len(before) else None
            baseline = Baseline(voice=usual, voice_turns=len(before))
            out[index] = trained.families(trained.relative(numbers[index], baseline))
    return out


def _mean(rows: Floats) -> Floats:
    known = ~np.isnan(rows)
    sums, counts = np.where(known, rows, 0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), np.float32)


def _groups(
    heard: Sequence[Heard], truth: NDArray[np.int_], chosen: Floats, classes: NDArray[np.int_]
) -> list[dict[str, Any]]:
    """The main figures for each corpus, gender and age band."""
    kinds = {
        "corpus": [here.clip.corpus for here in heard],
        "gender": [str(here.clip.gender or "") for here in heard],
        "age": [str(here.clip.age or "") for here in heard],
    }
    rows = []
    for kind, values in kinds.items():
        for value in sorted({value for value in values if value}):
            mask = np.array([other == value for other in values])
            guess = _guess(chosen[mask], classes)
            rows.append(
                {
                    "group": kind,
                    "value": value,
                    "n": int(mask.sum()),
                    "uar": round(measures.uar(truth[mask], guess), 4),
                    "ece": round(measures.ece(chosen[mask].max(axis=1), guess == truth[mask]), 4),
                }
            )
    return rows

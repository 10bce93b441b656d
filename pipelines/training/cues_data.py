"""Recordings of manifests as examples for the cue heads: what was labelled, by whom it was said, what may be used."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...models.cues.families import FAMILY_OF, HEADS, LABELS
from ...models.labels import AgeBand, Emotion, Gender
from . import cues_labels

WeightSet = Literal["open", "research"]
Floats = NDArray[np.float32]
NEEDED = ("path", "emotion")
HELD_OUT_FOLDS = 5


class BadManifest(ValueError):
    """A manifest cannot be used; the message says what is wanted."""


class TooLittle(ValueError):
    """The manifest lacks what a head needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One row: `families` and `labels` are soft, all zero where the row says nothing of emotion.

    A row without a label of its own has what its annotators voted.
    """

    path: str
    corpus: str
    speaker: str
    label: str
    licence: str
    families: Floats
    labels: Floats
    age: AgeBand | None
    gender: Gender | None

    @property
    def plain(self) -> bool:
        """Speech that nobody labelled: people who read aloud, or who talk about business."""
        return not self.label and not self.families.any()


def read(manifest: Path) -> list[Clip]:
    """Rows of a CSV with the columns path and emotion, and where known ds, speaker, gender, age, licence.

    Raises:
        BadManifest: it cannot be read, or lacks a column.
    """
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifest(f"cannot read {manifest}: {error}") from None
    lacking = [name for name in NEEDED if not rows or name not in rows[0]]
    if lacking:
        raise BadManifest(f"{manifest} needs at least one row and the columns {', '.join(NEEDED)}")
    return [clip(row) for row in rows]


def clip(row: Mapping[str, str]) -> Clip:
    label = (row.get("emotion") or "").strip()
    corpus = row.get("ds") or ""
    voted = ballot(row.get("votes") or "")
    burst = cues_labels.BURSTS.get(label) if "burst" in (row.get("extra") or "") else None
    return Clip(
        path=row["path"],
        corpus=corpus,
        speaker=row.get("speaker") or "",
        label=label,
        licence=row.get("licence") or "",
        families=_families(label, burst) if label or voted is None else voted,
        labels=_labels(label, burst),
        age=cues_labels.age_band(row.get("age") or ""),
        gender=cues_labels.GENDERS.get((row.get("gender") or "").strip().lower()),
    )


def may_train(clip: Clip, weights: WeightSet) -> bool:
    """Released weights learn only from what their licence lets them: rows below nc/ are for `research` alone."""
    return weights == "research" or not clip.path.startswith("nc/")


def fold(speaker: str, folds: int = HELD_OUT_FOLDS) -> int:
    """The fold that a speaker belongs to, by hash of the name: new speakers do not move old ones."""
    return int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:4], "big") % folds


def speakers(clips: Iterable[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})


def _families(label: str, burst: Mapping[Emotion, float] | None) -> Floats:
    out = np.zeros(len(HEADS), np.float32)
    soft = cues_labels.SOFT.get(label.lower())
    if soft is not None:
        for family, share in soft.items():
            out[HEADS.index(family)] += share
    elif burst is not None:
        for name, share in burst.items():
            out[HEADS.index(FAMILY_OF[name])] += share
    elif (family_of := cues_labels.family(label)) is not None:
        out[HEADS.index(family_of)] = 1
    return out


def _labels(label: str, burst: Mapping[Emotion, float] | None) -> Floats:
    out = np.zeros(len(LABELS), np.float32)
    finer = cues_labels.finer(label)
    for name, share in (burst or ({finer: 1.0} if finer is not None else {})).items():
        out[LABELS.index(name)] = share
    return out


def ballot(votes: str) -> Floats | None:
    """Votes as a distribution over families; `None` where there are none of ours.

    Taken are counts ("angry=3;sad=1", "angry:3, sad:1", a JSON object) and plain lists ("angry;angry;sad", a JSON
    array).
    """
    out = np.zeros(len(HEADS), np.float32)
    for label, count in _counted(votes):
        family = cues_labels.family(label)
        if family is not None:
            out[HEADS.index(family)] += max(count, 0.0)
    return out / out.sum() if out.sum() else None


def _counted(votes: str) -> Iterator[tuple[str, float]]:
    try:
        given = json.loads(votes)
    except ValueError:
        given = [vote.replace(":", "=") for vote in votes.replace(",", ";").split(";")]
    pairs = given.items() if isinstance(given, dict) else [str(vote).partition("=")[::2] for vote in _listed(given)]
    for label, count in pairs:
        try:
            yield str(label), float(1 if count == "" else count)
        except (TypeError, ValueError):
            continue  # a count that is no number counts for nothing


def _listed(given: object) -> list[object]:
    return given if isinstance(given, list) else [given]

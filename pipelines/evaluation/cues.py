"""How well voices are read: emotion, confidence, sounds, age and gender, by group, and what a second costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...models.base import HEARING_RATE_HZ, Baseline, Cues, Encoding, Prosody, Samples
from ...models.cues import events, features, heads, prosody
from ...models.cues.baseline import updated, with_turn
from ...models.cues.families import HEADS, affect
from ...models.labels import AgeBand, Gender
from ..training import cues_data, cues_labels
from . import measures
from .asr import read

SEED = 20
TURNS = (1, 2, 5)
NAMES = tuple(map(str, HEADS))
AFFECT = ("valence", "arousal", "dominance")
FAMILIAR_TURNS = 40

Floats = NDArray[np.float32]


class Encoder(Protocol):
    def encoding(self, audio: Samples) -> Encoding: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as the heads see it, and which sounds they heard in it."""

    clip: cues_data.Clip
    row: Mapping[str, str]
    numbers: Floats
    sounds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` as JSON, and the arrays that plots need."""

    figures: dict[str, Any]
    truth: NDArray[np.int_]
    probabilities: Floats
    classes: tuple[str, ...]


def evaluate(trained: heads.Heads, encoder: Encoder, rows: Sequence[Mapping[str, str]], root: Path) -> Report:
    """Read each row's `path` below `root`; what a row does not label is not counted.

    Columns: emotion; where known ds, speaker, gender, age, valence, arousal, dominance, and votes
    ("angry=3;sad=1"). The speaker's baseline grows in the order that a seed draws, as it would in a session.
    """
    heard, audio_s, work_s = [], 0.0, 0.0
    for row in rows:
        audio = read(root / row["path"])
        encoding = encoder.encoding(audio)
        began = time.process_time()
        turn = features.of(audio, encoding, prosody.contours_of(audio))
        sounds = events.spans(
            trained.events(turn.frames), trained.meta["events"], trained.meta["thresholds"], turn.speech
        )
        trained.families(trained.relative(turn.numbers, Baseline()))
        work_s, audio_s = work_s + time.process_time() - began, audio_s + len(audio) / HEARING_RATE_HZ
        heard.append(Heard(cues_data.clip(row), row, turn.numbers, frozenset(str(s.event) for s in sounds)))
    report = judged(trained, heard)
    speed = {"ms_per_s": round(1000 * work_s / max(audio_s, 1e-9), 2), "audio_s": round(audio_s, 1)}
    return replace(report, figures=report.figures | speed)


def judged(trained: heads.Heads, heard: Sequence[Heard]) -> Report:
    """All figures from recordings that have been read."""
    labelled = [h for h in heard if h.clip.families.max() > 0.5]
    truth = np.array([int(h.clip.families.argmax()) for h in labelled], np.int_)
    classes = np.unique(truth)
    whole = running(trained, labelled)
    chosen = _among(whole, classes)
    figures: dict[str, Any] = {"uar": None, "ece": None, "n": len(heard)}
    if len(labelled):
        figures |= _emotion(truth, chosen, classes) | {"baseline": "running"}
        figures["cold_start"] = _cold_start(trained, labelled, truth, classes)
        figures["groups"] = _groups(labelled, truth, chosen, classes)
        figures["recall"] = {
            str(HEADS[label]): round(share, 4)
            for label, share in measures.recalls(truth, _guess(chosen, classes)).items()
        }
    figures |= _affect(labelled, whole) | _votes(trained, heard) | _sounds(heard) | _person(trained, heard)
    return Report(figures, truth, whole, tuple(str(HEADS[label]) for label in classes))


def running(trained: heads.Heads, heard: Sequence[Heard]) -> Floats:
    """Probability of each family for each recording, [n, 7], against the baseline that it meets."""
    met = baselines(heard)
    rows = [trained.families(trained.relative(h.numbers, before)) for h, before in zip(heard, met, strict=True)]
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


def _cold_start(
    trained: heads.Heads, heard: Sequence[Heard], truth: NDArray[np.int_], classes: NDArray[np.int_]
) -> dict[str, float]:
    """UAR at a turn of each number: every recording with so many others of its speaker drawn to go before it."""
    rng = np.random.default_rng(SEED)
    rows: dict[str, list[int]] = {}
    for index, here in enumerate(heard):
        rows.setdefault(f"{here.clip.corpus}/{here.clip.speaker}", []).append(index)
    numbers = np.array([here.numbers for here in heard])
    figures = {}
    for turn in (*TURNS, FAMILIAR_TURNS + 1):
        out = np.zeros((len(heard), len(HEADS)), np.float32)
        for mine in rows.values():
            for index in mine:
                before = rng.permutation([other for other in mine if other != index])[: turn - 1]
                usual = tuple(_mean(numbers[before]).tolist()) if len(before) else None
                baseline = Baseline(voice=usual, voice_turns=len(before))
                out[index] = trained.families(trained.relative(numbers[index], baseline))
        name = str(turn) if turn <= FAMILIAR_TURNS else "later"
        figures[name] = round(measures.uar(truth, _guess(_among(out, classes), classes)), 4)
    return figures


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


def _affect(heard: Sequence[Heard], probabilities: Floats) -> dict[str, Any]:
    """Concordance with ratings, where there are any; ratings beyond [-1, 1] are taken to run from 1 to their top."""
    figures = {}
    for place, name in enumerate(AFFECT):
        rated = [index for index, here in enumerate(heard) if here.row.get(name)]
        if len(rated) < 2:
            continue
        truth = np.array([float(heard[index].row[name]) for index in rated])
        if np.abs(truth).max() > 1:
            top = 5.0 if truth.max() <= 5 else float(np.ceil(truth.max()))
            truth = 2 * (truth - 1) / (top - 1) - 1
        said = [affect(dict(zip(HEADS, map(float, probabilities[index]), strict=True)))[place] for index in rated]
        figures[name] = round(measures.ccc(truth, np.array(said)), 4)
    return {"ccc": figures} if figures else {}


def _votes(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Any]:
    """Distance to what several annotators voted: Jensen-Shannon divergence, and that of even odds beside it."""
    voted = [(here, votes) for here in heard if (votes := ballot(here.row.get("votes") or "")) is not None]
    if not voted:
        return {}
    truth = np.array([votes for _, votes in voted])
    said = running(trained, [here for here, _ in voted])
    even = np.full_like(truth, 1 / len(HEADS))
    return {
        "soft_distance": round(float(measures.divergence(truth, said).mean()), 4),
        "soft_distance_of_even_odds": round(float(measures.divergence(truth, even).mean()), 4),
    }


def ballot(votes: str) -> Floats | None:
    """Votes such as "angry=3;sad=1" as a distribution over families; `None` where there are none of ours."""
    out = np.zeros(len(HEADS), np.float32)
    for vote in votes.split(";"):
        label, _, count = vote.partition("=")
        family = cues_labels.family(label)
        if family is not None:
            out[HEADS.index(family)] += float(count or 1)
    return out / out.sum() if out.sum() else None


def _sounds(heard: Sequence[Heard]) -> dict[str, Any]:
    """F1 of each sound over recordings labelled with a sound or with something that is none, and false alarms."""
    kinds = sorted({str(event) for here in heard if (event := _event(here)) is not None})
    if not kinds:
        alarms = sum(bool(here.sounds) for here in heard)
        return {"false_alarms": round(alarms / max(1, len(heard)), 5)}
    scores = {}
    for kind in kinds:
        truth = np.array([_event(here) == kind for here in heard])
        guess = np.array([kind in here.sounds for here in heard])
        hits = int((truth & guess).sum())
        scores[kind] = round(2 * hits / max(1, int(truth.sum() + guess.sum())), 4)
    silent = [here for here in heard if _event(here) is None]
    alarms = sum(bool(here.sounds) for here in silent)
    return {
        "events": {"macro_f1": round(float(np.mean(list(scores.values()))), 4), "f1": scores},
        "false_alarms": round(alarms / max(1, len(silent)), 5),
    }


def _event(here: Heard) -> str | None:
    label = here.row.get("event") or here.row["emotion"]
    event = cues_labels.EVENTS.get(label.strip().lower())
    return str(event) if event is not None else None


def _person(trained: heads.Heads, heard: Sequence[Heard]) -> dict[str, Any]:
    """Age and gender as a session would say them: over the turns so far."""
    figures: dict[str, Any] = {}
    spoken = [h for h in heard if _event(h) is None]
    grown = [h for h in spoken if h.clip.gender is not None and h.clip.age is not AgeBand.CHILD]
    if grown:
        right = [
            (trained.is_female(with_turn(before, h.numbers)) >= 0.5) == (h.clip.gender is Gender.FEMALE)
            for h, before in zip(grown, baselines(grown), strict=True)
        ]
        figures |= {"gender_accuracy": round(float(np.mean(right)), 4), "gender_n": len(grown)}
    aged = [h for h in spoken if h.clip.age is not None]
    if len({h.clip.age for h in aged}) > 1:
        child = np.array([int(h.clip.age is AgeBand.CHILD) for h in aged])
        met = baselines(aged)
        guess = [trained.is_child(with_turn(before, h.numbers)) >= 0.5 for h, before in zip(aged, met, strict=True)]
        said = np.array(guess, np.int_)
        figures |= {"age_accuracy": round(float((child == said).mean()), 4), "age_n": len(aged)}
        figures["age_uar"] = round(measures.uar(child, said), 4)
    return figures

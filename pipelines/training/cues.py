"""Trains the cue heads from a manifest: emotion, finer labels, sounds, age and gender, with what they are worth.

Speakers never stand on both sides of a split. Figures in the report are of held-out speakers (folds by hash of the
name) and of held-out corpora; the weights that are kept have seen everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.base import Samples
from ...models.cues import features, heads, measure
from ...models.cues.families import HEADS as HEADS
from ...models.labels import AgeBand, Gender
from ..evaluation import measures
from . import cues_emotion, cues_events, cues_labels, fitting, splicing
from .cues_data import Clip, TooLittle, WeightSet, fold, may_train
from .cues_emotion import Table
from .cues_events import Sounding
from .cues_features import Encoder, load

FOLDS = 3
REPEATS = 3
"""Spliced recordings made of each sound."""
OF_SOUND = ("esc50", "emogator", "donateacry", "spliced")
FALSE_ALARMS = 0.004
"""Share of speech recordings in which a sound may be heard when its threshold is set: under 1 in 200."""
THRESHOLDS = np.arange(0.4, 0.96, 0.05)
PERSON_L2, PERSON_FOLDS = 2e-3, 5
NO_VOICE = ("rir", "")

Floats = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights, the report as JSON, and held-out emotion scores with their truth for plots."""

    heads: heads.Heads
    report: dict[str, Any]
    probabilities: Floats
    truth: NDArray[np.int_]


def train(clips: Sequence[Clip], encoder: Encoder, root: Path, weights: WeightSet, *, seed: int, tell: Tell) -> Trained:
    """Fit everything. Raises TooLittle where a head has no examples."""
    usable = [clip for clip in clips if may_train(clip, weights) and clip.label != "rir"]
    tell(f"{len(usable)} of {len(clips)} recordings may train {weights} weights; reading them")
    turns = {clip.path: encoder.turn(root / clip.path) for clip in usable}
    voices = [clip for clip in usable if cues_labels.EVENTS.get(clip.label) is None and clip.corpus != "esc50"]
    table = Table(np.array([turns[clip.path].numbers for clip in voices]), tuple(voices))
    felt = table.where(table.families.sum(axis=1) > 0)
    if len(np.unique(felt.families.argmax(axis=1))) < 2:
        raise TooLittle("the manifest labels fewer than two families of emotion")
    scaled = cues_emotion.scaling(table)
    tell("emotion: held-out speakers and corpora")
    held = _held_out(table, felt, seed)
    temperature = cues_emotion.temperature(held.scores, held.truth, held.weights)
    tell("emotion: all")
    members, fine = cues_emotion.fit(felt, scaled, seed=seed), cues_emotion.fit_fine(felt, scaled, seed=seed)
    tell("sounds")
    examples = [*_clips_as_sounds(usable, turns), *_spliced(usable, encoder, root, seed)]
    layers, mean, scale = cues_events.fit(examples, seed=seed)
    thresholds, sounds = _thresholds(examples, seed)
    tell("age and gender")
    gender, gender_figures = _person(table, scaled, _is_female, seed)
    child, child_figures = _person(table, scaled, _is_child, seed)
    report = {
        "set": weights,
        "seed": seed,
        "recordings": {corpus: int((table.corpora == corpus).sum()) for corpus in np.unique(table.corpora)},
        "licences": sorted({clip.licence for clip in usable}),
        "temperature": round(temperature, 3),
        "emotion": held.figures(temperature),
        "events": sounds,
        "gender": gender_figures,
        "child": child_figures,
    }
    meta = {
        "set": weights,
        "seed": seed,
        "licences": report["licences"],
        "temperature": temperature,
        "fine_temperature": 1.5,
        "gender_temperature": 1.0,
        "child_temperature": 1.0,
        "events": list(cues_events.NAMES),
        "thresholds": thresholds,
    }
    made = heads.Heads(
        **{name: getattr(scaled, name) for name in ("mean", "scale", "relative_scale", "shrinkage")},
        members=members,
        fine=fine,
        gender=gender,
        child=child,
        event=layers,
        event_mean=mean,
        event_scale=scale,
        meta=meta,
    )
    return Trained(made, report, heads.softmax(held.scores / temperature), held.truth)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of turns that the members had not seen, what was true, and to which split and corpus each belongs."""

    scores: Floats
    truth: NDArray[np.int_]
    split: NDArray[np.str_]
    corpora: NDArray[np.str_]
    turns: NDArray[np.int_]

    @property
    def weights(self) -> Floats:
        """Every split of every corpus counts alike; strangers as much as all the rest."""
        out = np.zeros(len(self.truth), np.float32)
        keys = np.char.add(self.split, self.corpora)
        for key in np.unique(keys):
            out[keys == key] = 1 / (keys == key).sum()
        return out

    def figures(self, temperature: float) -> list[dict[str, Any]]:
        rows = []
        probabilities = heads.softmax(self.scores / temperature)
        for split in np.unique(self.split):
            for corpus in np.unique(self.corpora[self.split == split]):
                for turns in np.unique(self.turns):
                    mask = (self.split == split) & (self.corpora == corpus) & (self.turns == turns)
                    rows.append(
                        {"split": split, "corpus": corpus, "turns_before": int(turns)}
                        | _scores(probabilities[mask], self.truth[mask])
                    )
        return rows


def _scores(probabilities: Floats, truth: NDArray[np.int_]) -> dict[str, float]:
    classes = np.unique(truth)
    chosen = probabilities[:, classes] / np.maximum(probabilities[:, classes].sum(axis=1, keepdims=True), 1e-9)
    guess = classes[chosen.argmax(axis=1)]
    four = np.isin(truth, np.arange(4))
    guess_four = probabilities[four][:, :4].argmax(axis=1)
    return {
        "n": len(truth),
        "uar": round(measures.uar(truth, guess), 4),
        "uar_4": round(measures.uar(truth[four], guess_four), 4),
        "ece": round(measures.ece(chosen.max(axis=1), guess == truth), 4),
    }


def _held_out(table: Table, felt: Table, seed: int) -> HeldOut:
    """Speakers of each corpus by folds; then each corpus of speech as a whole."""
    folds = np.array([fold(speaker, FOLDS) for speaker in felt.speakers])
    everybody = np.array([fold(speaker, FOLDS) for speaker in table.speakers])
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(FOLDS):
        parts += _tested(table.where(everybody != number), felt.where(folds == number), "speakers", seed)
    acted = [str(corpus) for corpus in np.unique(felt.corpora) if corpus not in OF_SOUND]
    for corpus in acted if len(acted) > 1 else ():  # bursts alone do not teach speech
        rest = table.where(table.corpora != corpus)
        parts += _tested(rest, felt.where(felt.corpora == corpus), "corpora", seed)
    return HeldOut(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _tested(rest: Table, test: Table, split: str, seed: int) -> Iterator[tuple[NDArray[Any], ...]]:
    sure = test.where(test.families.max(axis=1) > 0.5)
    if not len(sure.clips):
        return
    scaled = cues_emotion.scaling(rest)
    members = cues_emotion.fit(rest.where(rest.families.sum(axis=1) > 0), scaled, seed=seed)
    rng = np.random.default_rng(seed)
    truth, count = sure.families.argmax(axis=1), len(sure.clips)
    for turns in cues_emotion.TURNS_BEFORE:
        scores = cues_emotion.logits(members, cues_emotion.relative(sure, turns, scaled, rng))
        yield scores, truth, np.full(count, split), sure.corpora, np.full(count, turns)


def _clips_as_sounds(clips: Sequence[Clip], turns: Mapping[str, Any]) -> Iterator[Sounding]:
    """Whole recordings: of a sound, or of speech and noise that hold none."""
    for clip in clips:
        event = cues_labels.EVENTS.get(clip.label) or cues_labels.BURST_EVENTS.get(clip.label)
        if clip.corpus == "emogator" and event is None:
            continue  # bursts of other kinds may hold a laugh or a sigh
        turn = turns[clip.path]
        name = str(event) if event is not None else "none"
        end = len(turn.frames) if event is not None else 0
        yield Sounding(turn.frames.astype(np.float16), turn.speech, name, 0, end, _group(clip), clip.corpus)


def _spliced(clips: Sequence[Clip], encoder: Encoder, root: Path, seed: int) -> Iterator[Sounding]:
    """Speech with each sound in it, and speech with noises that are nobody's; both of the same group."""
    talk = [clip for clip in clips if not clip.label and clip.age is not AgeBand.CHILD and clip.gender is not None]
    for clip in clips:
        event = cues_labels.EVENTS.get(clip.label) or cues_labels.BURST_EVENTS.get(clip.label)
        noise = event is None and clip.corpus == "esc50"
        around = [other for other in talk if _group(other) == _group(clip)]
        if not around or not (event or noise):
            continue
        for repeat in range(1 if noise or clip.corpus == "emogator" else REPEATS):
            rng = np.random.default_rng([seed, repeat, *clip.path.encode()])
            speech = around[int(rng.integers(len(around)))]
            yield _one_spliced(encoder, root, (speech, clip), str(event) if event else "none", repeat, rng)


def _one_spliced(
    encoder: Encoder, root: Path, pair: tuple[Clip, Clip], name: str, repeat: int, rng: np.random.Generator
) -> Sounding:
    speech, clip = pair
    talk, sound = load(root / speech.path), load(root / clip.path)
    made = splicing.spliced(talk, sound, rng)
    audio: Samples = made.audio
    start, end = made.start // 320, -(-made.end // 320)
    if name == "none":
        audio, start, end = (splicing.over(talk, sound, rng) if rng.random() < 0.6 else audio), 0, 0
    frames = encoder.frames_of(f"spliced/{clip.path}-{repeat}", audio)
    hops = measure.speech_hops(measure.energy_db(audio))
    speech_mask = features.spoken(hops, len(frames))
    return Sounding(frames.astype(np.float16), speech_mask, name, start, end, _group(clip), "spliced")


def _group(clip: Clip) -> str:
    """What must not be split: the speaker, or for sounds without one the recording."""
    return str(fold(clip.speaker if clip.corpus not in ("esc50", "donateacry") else clip.path, 4))


def _thresholds(examples: Sequence[Sounding], seed: int) -> tuple[dict[str, float], dict[str, Any]]:
    """For each sound the threshold of best F1 on held-out groups that speech hardly ever reaches, and the figures."""
    names = cues_events.NAMES
    peaks = np.zeros((len(examples), len(names)), np.float32)
    for group in sorted({example.group for example in examples}):
        layers, mean, scale = cues_events.fit([e for e in examples if e.group != group], seed=seed)
        for index, example in enumerate(examples):
            if example.group == group:
                peaks[index] = cues_events.peaks(layers, mean, scale, example)
    events = np.array([example.event for example in examples])
    speech = np.array([example.corpus not in OF_SOUND for example in examples])
    chosen: dict[str, float] = {}
    figures: dict[str, Any] = {}
    for column, name in enumerate(names[1:], start=1):
        reach = {float(t): peaks[:, column] >= t for t in THRESHOLDS}
        quiet = [t for t, found in reach.items() if found[speech].mean() <= FALSE_ALARMS / 2] or [float(THRESHOLDS[-1])]
        chosen[name] = max(quiet, key=lambda t: _f1(events == name, reach[t]))
        figures[name] = round(_f1(events == name, reach[chosen[name]]), 4)
    alarms = np.any([peaks[:, i] >= chosen[name] for i, name in enumerate(names) if i], axis=0)
    return chosen, {
        "macro_f1": round(float(np.mean(list(figures.values()))), 4),
        "f1": figures,
        "thresholds": {name: round(value, 2) for name, value in chosen.items()},
        "speech_false_alarms": round(float(alarms[speech].mean()), 5),
        "speech": int(speech.sum()),
    }


def _f1(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    return float(2 * (truth & found).sum() / max(1, truth.sum() + found.sum()))


def _is_female(clip: Clip) -> bool | None:
    grown = clip.age is not AgeBand.CHILD
    return (clip.gender is Gender.FEMALE) if clip.gender is not None and grown else None


def _is_child(clip: Clip) -> bool | None:
    if clip.age is not None:
        return clip.age is AgeBand.CHILD
    return False if clip.corpus.startswith("librispeech") else None


def _person(
    table: Table, scaled: cues_emotion.Scaling, of: Callable[[Clip], bool | None], seed: int
) -> tuple[heads.Layers, dict[str, float]]:
    """A yes-or-no head over numbers as they are, and how often it is right on held-out speakers, known for a while."""
    known = table.where(np.array([of(clip) is not None for clip in table.clips]))
    truth = np.array([int(bool(of(clip))) for clip in known.clips])
    if len(np.unique(truth)) < 2:
        raise TooLittle("the manifest labels no two genders, or no children beside adults: age and gender need them")
    means = cues_emotion.usual(known, cues_emotion.ALL_TURNS, np.random.default_rng(seed))[0]
    alone, familiar = (
        np.clip(np.nan_to_num((numbers - scaled.mean) / scaled.scale), -heads.LIMIT, heads.LIMIT)
        for numbers in (known.numbers, means)
    )
    x, y = np.concatenate([alone, familiar]), np.tile(truth, 2)
    folds = np.array([fold(speaker, PERSON_FOLDS) for speaker in known.speakers])
    guess = np.zeros((2, len(truth)), np.int_)
    for number in range(PERSON_FOLDS):
        test = folds == number
        if test.any() and not test.all():
            layers = _yes_or_no(x[~np.tile(test, 2)], y[~np.tile(test, 2)])
            guess[0, test], guess[1, test] = (layers(rows[test])[:, 0] > 0 for rows in (alone, familiar))
    return _yes_or_no(x, y), {
        "n": len(truth),
        "accuracy_of_one_turn": round(float((guess[0] == truth).mean()), 4),
        "accuracy": round(float((guess[1] == truth).mean()), 4),
        "uar": round(measures.uar(truth, guess[1]), 4),
    }


def _yes_or_no(x: Floats, truth: NDArray[np.int_]) -> heads.Layers:
    counts = np.bincount(truth, minlength=2)
    weights = (len(truth) / 2 / np.maximum(counts, 1))[truth].astype(np.float32)
    both = fitting.linear(x, np.eye(2, dtype=np.float32)[truth], weights, l2=PERSON_L2)
    weight, bias = both.weights[0], both.biases[0]
    return heads.Layers((weight[:, 1:] - weight[:, :1],), (bias[1:] - bias[:1],))

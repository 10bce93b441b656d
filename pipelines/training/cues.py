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
from ...models.labels import AgeBand
from . import cues_emotion, cues_events, cues_held_out, cues_labels, cues_person, splicing
from .cues_data import Clip, TooLittle, WeightSet, fold, may_train
from .cues_emotion import Table
from .cues_events import Sounding
from .cues_features import Encoder, load

REPEATS = 3
"""Spliced recordings made of each sound."""
FALSE_ALARMS = 0.004
"""Share of speech recordings in which a sound may be heard when its threshold is set: under 1 in 200."""
THRESHOLDS = np.arange(0.4, 0.96, 0.05)
MOST_COPIES, FEW_SENTENCES = 3, 600

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
    if len(np.unique(table.felt.families.argmax(axis=1))) < 2:
        raise TooLittle("the manifest labels fewer than two families of emotion")
    tell("altered copies: rooms, noises, levels, speeds, lines")
    copies = _copies(table, encoder, root)
    tell("emotion: held-out speakers and corpora")
    # Research weights are for what was measured on such corpora; open ones are for whoever calls.
    held = cues_held_out.held_out(table, copies, seed, tell, strangers=weights == "open")
    temperature, slope, offset = held.temperature, *held.plainness
    tell("emotion: all")
    all_rows = cues_emotion.aligned(table.and_(copies))
    scaled = cues_emotion.scaling(all_rows)
    members = cues_emotion.fit(all_rows.felt, scaled, seed=seed)
    plain = cues_emotion.fit_plain(all_rows, scaled, seed=seed)
    fine = cues_emotion.fit_fine(all_rows.felt, scaled, seed=seed)
    tell("sounds")
    examples = [*_clips_as_sounds(usable, turns), *_spliced(usable, encoder, root, seed)]
    layers, mean, scale = cues_events.fit(examples, seed=seed)
    thresholds, sounds = _thresholds(examples, seed)
    tell("age and gender")
    gender, gender_figures = cues_person.fit(table, copies, scaled, cues_person.is_female, seed)
    child, child_figures = cues_person.fit(table, copies, scaled, cues_person.is_child, seed)
    report = {
        "set": weights,
        "seed": seed,
        "recordings": {corpus: int((table.corpora == corpus).sum()) for corpus in np.unique(table.corpora)},
        "licences": sorted({clip.licence for clip in usable}),
        "temperature": round(temperature, 3),
        "plain": {"slope": round(slope, 3), "offset": round(offset, 3)},
        "emotion": held.figures(),
        "coverage": held.coverage(),
        "plain_speech": held.plain_speech(),
        "events": sounds,
        "gender": gender_figures,
        "child": child_figures,
    }
    meta = {
        "set": weights,
        "seed": seed,
        "licences": report["licences"],
        "temperature": temperature,
        "plain_slope": slope,
        "plain_offset": offset,
        "fine_temperature": 1.5,
        "gender_temperature": 1.0,
        "child_temperature": 1.0,
        "events": list(cues_events.NAMES),
        "thresholds": thresholds,
    }
    made = heads.Heads(
        **{name: getattr(scaled, name) for name in ("mean", "scale", "relative_scale", "shrinkage")},
        members=members,
        plain=plain,
        fine=fine,
        gender=gender,
        child=child,
        event=layers,
        event_mean=mean,
        event_scale=scale,
        meta=meta,
    )
    known = held.acted
    return Trained(made, report, held.probabilities[known], held.truth[known])


def _copies(table: Table, encoder: Encoder, root: Path) -> Table:
    """Altered copies of labelled sentences and of plain speech; more where there are few sentences. Not of bursts."""
    corpora = table.corpora
    made = [
        (encoder.turn(root / clip.path, variant).numbers, clip)
        for clip in table.clips
        if (clip.plain or clip.families.any()) and clip.corpus != cues_emotion.BURSTS
        for variant in range(1, 1 + _how_many(clip, int((corpora == clip.corpus).sum())))
    ]
    width = table.numbers.shape[1]
    return Table(np.array([numbers for numbers, _ in made], np.float32).reshape(-1, width), tuple(c for _, c in made))


def _how_many(clip: Clip, sentences: int) -> int:
    return MOST_COPIES if not clip.plain and sentences < FEW_SENTENCES else 1


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
    speech = np.array([example.corpus not in cues_held_out.OF_SOUND for example in examples])
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

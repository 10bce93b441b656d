"""The trained heads over a turn: emotion, events, age and gender. Weights in, probabilities out; numpy.

A turn's numbers are first freed of what is usual for the speaker. With n turns behind us the speaker's mean m is
believed by n / (n + k), where k is the variance within a speaker over that between speakers, number by number
(empirical Bayes; Efron & Morris 1975): at the first turn nobody is "usual" yet, and k keeps the second from
deciding alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Baseline
from ..labels import Emotion
from .families import HEADS

FORMAT = 1
LIMIT = 5.0
"""Deviations beyond which a number counts as this far."""
NEUTRAL = HEADS.index(Emotion.NEUTRAL)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layers:
    """Linear layers with GELU between; a single one is logistic regression."""

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def one_logit(self) -> Layers:
        """Of two classes the second against the first."""
        weight, bias = self.weights[-1], self.biases[-1]
        return Layers((*self.weights[:-1], weight[:, 1:] - weight[:, :1]), (*self.biases[:-1], bias[1:] - bias[:1]))

    def __call__(self, x: Floats) -> Floats:
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = np.asarray((gelu(x) if index else x) @ weight + bias, np.float32)
        return x


@dataclass(frozen=True, slots=True)
class Heads:
    """All weights of one set.

    `members` vote on the family (mean of their logits), `plain` on whether the turn is plain talk; `fine` tells labels
    within a family apart; `event` reads frames; `age` and `gender` read the numbers as they are, before the speaker's
    usual is taken off.
    """

    mean: Floats
    scale: Floats
    relative_scale: Floats
    shrinkage: Floats
    members: tuple[Layers, ...]
    plain: tuple[Layers, ...]
    fine: Layers
    gender: Layers
    child: Layers
    event: Layers
    event_mean: Floats
    event_scale: Floats
    meta: Mapping[str, Any]

    def relative(self, numbers: Floats, baseline: Baseline) -> Floats:
        """Numbers against the speaker's usual, in deviations, [X]; unmeasured ones are 0."""
        usual = self.mean if baseline.voice is None else np.array(baseline.voice, np.float32)
        return against_usual(numbers, usual, baseline.voice_turns, self.mean, self.relative_scale, self.shrinkage)

    def absolute(self, numbers: Floats) -> Floats:
        return _limited((numbers - self.mean) / self.scale)

    def families(self, relative: Floats) -> Floats:
        """Probability of each of `families.HEADS` where all are as likely, as in corpora of acted speech, [..., 7]."""
        logits = np.mean([member(relative) for member in self.members], axis=0)
        return softmax(logits / self.meta["temperature"])

    def everyday(self, relative: Floats) -> Floats:
        """The same in everyday talk, most of which is plain: `plain` says how likely that is, `families` shares out the
        rest, [..., 7]. A set without that head takes all as likely."""
        if not self.plain:
            return self.families(relative)
        votes = np.mean([member(relative) for member in self.plain], axis=0)[..., 0]
        return with_plain(
            self.families(relative), sigmoid(self.meta["plain_slope"] * votes + self.meta["plain_offset"])
        )

    def leaning(self, frames: Floats, family: int) -> Floats:
        """How much each frame speaks for a family, [n]: its share in the first member, which is linear in the mean of
        the frames."""
        width = frames.shape[1]
        direction = self.members[0].weights[0][:width, family] / self.relative_scale[:width]
        return np.asarray((frames - self.mean[:width]) @ direction, np.float32)

    def labels(self, relative: Floats, by_family: Floats, groups: NDArray[np.int_]) -> Floats:
        """Probability of each of `families.LABELS`: its family's, shared out; `groups` gives each label's family."""
        logits = self.fine(relative) / self.meta["fine_temperature"]
        shares = np.empty_like(logits)
        for family in range(by_family.shape[-1]):
            shares[..., groups == family] = softmax(logits[..., groups == family])
        return np.asarray(shares * by_family[..., groups], np.float32)

    def events(self, frames: Floats) -> Floats:
        """Probability of each of `meta["events"]` (the first is none) in each frame, [n, K]."""
        return softmax(self.event(_limited((frames - self.event_mean) / self.event_scale)))

    def is_female(self, numbers: Floats) -> float:
        return float(sigmoid(self.gender(self.absolute(numbers))[..., 0] / self.meta["gender_temperature"]))

    def is_child(self, numbers: Floats) -> float:
        return float(sigmoid(self.child(self.absolute(numbers))[..., 0] / self.meta["child_temperature"]))


def against_usual(numbers: Floats, usual: Floats, turns: int, mean: Floats, scale: Floats, shrinkage: Floats) -> Floats:
    """`numbers` [..., X] less what is usual, for the speaker (`usual`, of so many turns) and for everybody (`mean`)."""
    belief = turns / (turns + shrinkage)
    expected = mean + belief * np.nan_to_num(usual - mean)
    return _limited((numbers - expected) / scale)


def with_plain(families: Floats, plain: NDArray[np.floating]) -> Floats:
    """The distribution [..., 7] with neutral as likely as `plain` says, and the rest shared out as it was."""
    rest = np.array(families)
    rest[..., NEUTRAL] = 0
    rest *= (1 - plain)[..., None] / np.maximum(rest.sum(axis=-1, keepdims=True), 1e-9)
    rest[..., NEUTRAL] = plain
    return np.asarray(rest, np.float32)


class BadWeights(ValueError):
    """The file is not a set of cue weights of this format."""


STACKS = ("fine", "gender", "child", "event")
ENSEMBLES = {"members": "member", "plain": "plain"}
"""Stacks that vote together, with what their arrays are called."""
VECTORS = ("mean", "scale", "relative_scale", "shrinkage", "event_mean", "event_scale")


def save(path: Path, heads: Heads) -> None:
    """Matrices in half precision: the heads do not notice, and the file is half as large."""
    arrays: dict[str, Any] = {name: getattr(heads, name).astype(np.float32) for name in VECTORS}
    stacks = {name: getattr(heads, name) for name in STACKS}
    for kind, named in ENSEMBLES.items():
        stacks |= {f"{named}{index}": member for index, member in enumerate(getattr(heads, kind))}
    for name, layers in stacks.items():
        for depth, (weight, bias) in enumerate(zip(layers.weights, layers.biases, strict=True)):
            arrays[f"{name}.{depth}.weight"] = weight.astype(np.float16)
            arrays[f"{name}.{depth}.bias"] = bias.astype(np.float32)
    meta = json.dumps({**heads.meta, "format": FORMAT}, sort_keys=True)
    arrays["meta"] = np.frombuffer(meta.encode(), np.uint8)
    np.savez_compressed(path, **arrays)


def load(path: Path) -> Heads:
    """Read what `save` wrote.

    Raises:
        BadWeights: it is not that; the message names the file.
    """
    try:
        with np.load(path) as data:
            arrays = {name: data[name] for name in data.files}
        meta = json.loads(arrays.pop("meta").tobytes())
    except (OSError, ValueError, KeyError) as error:
        raise BadWeights(f"{path} holds no cue weights ({error}): `affetto train cues` makes them") from None
    if meta.get("format") != FORMAT:
        raise BadWeights(f"{path} has format {meta.get('format')}, this version reads {FORMAT}: train it anew")
    return Heads(
        **{name: arrays[name] for name in VECTORS},
        fine=_layers(arrays, "fine"),
        gender=_layers(arrays, "gender"),
        child=_layers(arrays, "child"),
        event=_layers(arrays, "event"),
        members=_ensemble(arrays, ENSEMBLES["members"]),
        plain=_ensemble(arrays, ENSEMBLES["plain"]),
        meta=meta,
    )


def _ensemble(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[Layers, ...]:
    stacks = sorted({key.split(".")[0] for key in arrays if key.startswith(name)})
    return tuple(_layers(arrays, stack) for stack in stacks)


def _layers(arrays: Mapping[str, NDArray[Any]], name: str) -> Layers:
    depth = len({key for key in arrays if key.startswith(f"{name}.") and key.endswith(".weight")})
    return Layers(
        tuple(arrays[f"{name}.{index}.weight"].astype(np.float32) for index in range(depth)),
        tuple(arrays[f"{name}.{index}.bias"] for index in range(depth)),
    )


def softmax(z: NDArray[np.floating]) -> Floats:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(z: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(-z)))


def gelu(x: Floats) -> Floats:
    """By the logistic function: Hendrycks & Gimpel 2016, section 2."""
    return np.asarray(x * sigmoid(1.702 * x), np.float32)


def _limited(x: NDArray[np.floating]) -> Floats:
    return np.asarray(np.clip(np.nan_to_num(x), -LIMIT, LIMIT), np.float32)

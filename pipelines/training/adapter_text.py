"""Dialogues of the corpus as a chat model sees them at run time: ChatML, marked where it is to learn. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from ...models.base import Cues, Message, Situation
from ..duplex import empathy
from .corpus import Example
from .split import is_held_out

UNHEARD_SHARE = 0.15
"""Turns that are trained without their cue line, so that written turns work, too."""
END = "<|im_end|>"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and whether the model is to learn to write it."""

    text: str
    learnt: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """One dialogue."""

    dialogue: str
    pieces: tuple[Piece, ...]


def lessons(examples: Iterable[Example], *, held_out: bool, seed: int = 0) -> Iterator[Lesson]:
    """Dialogues of one side of the split, in the corpus's order; held-out ones keep all their cues."""
    for name, turns in groupby(examples, key=lambda example: example.dialogue):
        *_, last = turns
        if is_held_out(name) is held_out:
            rng = random.Random(f"{name} {seed}")
            yield Lesson(name, tuple(_pieces(last if held_out else _less_heard(last, rng))))


def _less_heard(example: Example, rng: random.Random) -> Example:
    def maybe(cues: Cues | None) -> Cues | None:
        return None if rng.random() < UNHEARD_SHARE else cues

    heard = example.situation
    past = tuple(replace(turn, cues=maybe(turn.cues)) for turn in heard.past)
    return replace(example, situation=Situation(heard.text, maybe(heard.cues), past))


def _pieces(example: Example) -> Iterator[Piece]:
    prompt = empathy.prompt(example.situation, example.plan)
    for message in (*prompt.messages, Message("assistant", prompt.prefill + example.reply)):
        ours = message.role == "assistant"
        yield Piece(f"<|im_start|>{message.role}\n", learnt=False)
        yield Piece(f"{message.content}{END}", learnt=ours)
        yield Piece("\n", learnt=False)

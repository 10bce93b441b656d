"""Plays dialogues of the corpus's format through the running stack, as a talk goes: our own replies are its history.

Each turn is given its words and its cues; appraisal, safety, prompt and guard are the server's own.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ...models.base import Appraisal, PastTurn, Situation
from ...models.labels import Emotion
from ..duplex import mood, safety
from ..duplex.actions import ReplyRequest
from ..duplex.backends import Backends
from ..duplex.config import SessionConfig
from ..duplex.policy import DuplexPolicy
from ..duplex.text import Answer, answer_text
from ..training.corpus import Example

HELD_OUT = Path(__file__).parent / "heldout.jsonl"
"""Stories that nothing of ours was trained on (see heldout.md)."""


@dataclass(frozen=True, slots=True)
class Played:
    """A turn: the corpus's, what we made of it, and what we said."""

    example: Example
    appraisal: Appraisal
    reply: str
    first_text_ms: float | None = None
    degraded: tuple[str, ...] = ()
    likeliest: tuple[Emotion, ...] = ()
    """Emotions in their order, where the appraiser tells them."""


async def play(examples: Iterable[Example], backends: Backends, policy: DuplexPolicy) -> AsyncIterator[Played]:
    """Each dialogue from its start, answered by us. Raises BackendError where the chat model cannot answer."""
    for _, dialogue in groupby(examples, key=lambda example: example.dialogue):
        past: list[PastTurn] = []
        for number, example in enumerate(dialogue):
            situation = Situation(example.situation.text, example.situation.cues, tuple(past))
            turn = await _answered(example, situation, backends, policy, number)
            past.append(PastTurn(situation.text, situation.cues, turn.appraisal, turn.reply))
            yield turn


async def appraise(examples: Iterable[Example], backends: Backends) -> AsyncIterator[Played]:
    """Appraisals alone, each resting on our own of the turn before; the replies are the corpus's."""
    for _, dialogue in groupby(examples, key=lambda example: example.dialogue):
        past: list[PastTurn] = []
        for example in dialogue:
            situation = Situation(example.situation.text, example.situation.cues, tuple(past))
            began = time.perf_counter()
            checked = safety.checked(await backends.appraiser.appraise(situation), situation)
            appraisal = mood.moved(checked, situation)
            took_ms = 1000 * (time.perf_counter() - began)
            past.append(PastTurn(situation.text, situation.cues, appraisal, example.reply))
            yield Played(example, appraisal, "", took_ms, likeliest=_likeliest(backends, situation))


async def _answered(
    example: Example, situation: Situation, backends: Backends, policy: DuplexPolicy, seed: int
) -> Played:
    request = ReplyRequest(situation, SessionConfig(), "text", "", None, seed)
    answer, pieces, first_ms = Answer(), list[str](), None
    began = time.perf_counter()
    async for piece in answer_text(request, backends, policy, answer):
        if first_ms is None:
            first_ms = 1000 * (time.perf_counter() - began)
        pieces.append(piece)
    assert answer.appraisal is not None, "every reply rests on one"
    degraded = tuple(answer.empathy.get("degraded", ()))
    likeliest = _likeliest(backends, situation)
    return Played(example, answer.appraisal, "".join(pieces).strip(), first_ms, degraded, likeliest)


def _likeliest(backends: Backends, situation: Situation) -> tuple[Emotion, ...]:
    ranked = getattr(backends.appraiser, "emotions", None)
    return tuple(ranked(situation)) if ranked is not None else ()

"""The small appraiser: trained heads over a sentence embedding and the voice. Milliseconds, calibrated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import Appraisal, Cues, Situation
from ..embedding.minilm import MiniLM
from ..labels import Emotion, Need, Risk, Tactic, Tone
from ..store import Store
from ..worker import Worker
from . import cause, features, heads, tactics

WEIGHTS = Path(__file__).parent / "weights" / "small.npz"
EMOTIONS, NEEDS, RISKS, TACTICS, TONES = tuple(Emotion), tuple(Need), tuple(Risk), tuple(Tactic), tuple(Tone)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weights: Path = WEIGHTS
    """Trained heads (`affetto train appraiser` makes them)."""


class SmallAppraiser:
    """Shared by all sessions."""

    def __init__(self, options: Options, store: Store) -> None:
        self._model = MiniLM(store.path("minilm"))
        self._heads = heads.load(options.weights)
        self._worker = Worker("appraiser")

    async def appraise(self, situation: Situation) -> Appraisal:
        return await self._worker.call(self._appraise, situation)

    def _appraise(self, situation: Situation) -> Appraisal:
        trained = self._heads
        x = trained.scaled(features.vector(situation, self._model.embed))
        by_name = trained.by_name
        felt = by_name["emotion"].softmax(x)
        emotion = EMOTIONS[int(felt.argmax())]
        need = NEEDS[int(by_name["need"].softmax(x).argmax())]
        logits = dict(zip(TACTICS, map(float, by_name["tactics"].logits(x)), strict=True))
        return Appraisal(
            emotion=emotion,
            intensity=int(by_name["intensity"].softmax(x).argmax()),
            cause=self._cause(situation.text, int(felt.argmax())),
            need=need,
            conflict=bool(by_name["conflict"].sigmoid(x)[0] >= trained.thresholds["conflict"]),
            risk=self._risk(by_name["risk"].softmax(x)),
            tactics=tactics.choose(logits, situation.past, need),
            tone=TONES[int(by_name["tone"].softmax(x).argmax())],
            evidence=_evidence(situation.cues),
            confidence=float(felt.max()),
            appraiser="small",
        )

    def _risk(self, probabilities: heads.Floats) -> Risk:
        """Crisis and watch from their thresholds, which were set for recall on training data."""
        if probabilities[RISKS.index(Risk.CRISIS)] >= self._heads.thresholds["crisis"]:
            return Risk.CRISIS
        return Risk.WATCH if probabilities[0] < self._heads.thresholds["calm"] else Risk.NONE

    def _cause(self, text: str, emotion: int) -> str:
        if not text.strip():
            return ""
        _, tokens, offsets = self._model.tokens(text)
        direction = (
            self._heads.by_name["emotion"].weight[: tokens.shape[1], emotion] / self._heads.scale[: tokens.shape[1]]
        )
        return cause.span(text, offsets, np.asarray(tokens @ direction).tolist())


def _evidence(cues: Cues | None) -> tuple[str, ...]:
    return tuple(f"{e.claim}: {e.measurement}" for e in cues.evidence) if cues is not None else ()

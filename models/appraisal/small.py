"""The small appraiser: trained heads over a sentence embedding, the words and the voice. Milliseconds, calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..base import Appraisal, Cues, Situation
from ..embedding import minilm
from ..errors import Unavailable
from ..labels import Emotion, Need, Risk, Tactic, Tone
from ..store import Store
from ..worker import Worker
from . import cause, features, heads, tactics, weighing

WEIGHTS = Path(__file__).parent / "weights" / "small.npz"
EMOTIONS, NEEDS, RISKS, TACTICS, TONES = tuple(Emotion), tuple(Need), tuple(Risk), tuple(Tactic), tuple(Tone)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weights: Path = WEIGHTS
    """Trained heads (`affetto train appraiser` makes them)."""


class SmallAppraiser:
    """Shared by all sessions. Raises Unavailable where the heads cannot be read."""

    quick = True
    """Past turns may be appraised anew wherever their appraisals were not kept."""

    def __init__(self, options: Options, store: Store) -> None:
        try:
            self._heads = heads.load(options.weights)
        except (OSError, ValueError, KeyError) as error:
            raise Unavailable(f"cannot read the appraiser's heads from {options.weights}: {error}") from error
        self._model = minilm.load(store.path("minilm"))
        self._worker = Worker("appraiser")

    async def appraise(self, situation: Situation) -> Appraisal:
        return await self._worker.call(self.appraise_now, situation)

    def appraise_now(self, situation: Situation) -> Appraisal:
        """The same, on this thread."""
        embedding, tokens, offsets = self._model.tokens(situation.text)
        trained, heard = self._heads, _heard(situation.cues)
        x = trained.scaled(features.vector(situation, embedding, trained.vocabulary))
        felt = trained.head("emotion", heard).softmax(x)
        emotion, confidence = int(felt.argmax()), float(felt.max())
        if heard:
            emotion, confidence = weighing.weighed(felt, self._by_words(situation, embedding))
        need = NEEDS[int(trained.head("need", heard).softmax(x).argmax())]
        logits = dict(zip(TACTICS, map(float, trained.head("tactics", heard).logits(x)), strict=True))
        direction = trained.head("emotion", False).weight[: minilm.WIDTH, emotion] / trained.scale[: minilm.WIDTH]
        return Appraisal(
            emotion=EMOTIONS[emotion],
            intensity=int(trained.head("intensity", heard).softmax(x).argmax()),
            cause=cause.span(situation.text, offsets, np.asarray(tokens @ direction).tolist()),
            need=need,
            conflict=self._conflict(x, situation.cues),
            risk=self._risk(x, heard),
            tactics=tactics.choose(logits, situation.past, need),
            tone=TONES[int(trained.head("tone", heard).softmax(x).argmax())],
            evidence=_evidence(situation.cues),
            confidence=confidence,
            appraiser="small",
        )

    def emotions(self, situation: Situation) -> dict[Emotion, float]:
        """All emotions with their probabilities, likeliest first."""
        embedding = self._model.embed(situation.text)
        x = self._heads.scaled(features.vector(situation, embedding, self._heads.vocabulary))
        felt = self._heads.head("emotion", _heard(situation.cues)).softmax(x)
        return {EMOTIONS[i]: float(felt[i]) for i in np.argsort(-felt)}

    def _by_words(self, situation: Situation, embedding: heads.Floats) -> heads.Floats:
        """Emotions as if nothing had been heard."""
        unheard = replace(situation, cues=None)
        x = self._heads.scaled(features.vector(unheard, embedding, self._heads.vocabulary))
        return self._heads.head("emotion", False).softmax(x)

    def _conflict(self, x: heads.Floats, cues: Cues | None) -> bool:
        """Voice against words; without a voice there is none."""
        heard = _heard(cues)
        found = self._heads.head("conflict", heard).softmax(x)[1]
        return cues is not None and bool(found >= self._heads.threshold("conflict", heard))

    def _risk(self, x: heads.Floats, heard: bool) -> Risk:
        """Crisis and watch from their thresholds, which hold false alarms to what training allowed."""
        probabilities = self._heads.head("risk", heard).softmax(x)
        if probabilities[RISKS.index(Risk.CRISIS)] >= self._heads.threshold("crisis", heard):
            return Risk.CRISIS
        return Risk.WATCH if probabilities[0] < self._heads.threshold("calm", heard) else Risk.NONE


def _heard(cues: Cues | None) -> bool:
    """Whether the voice tells a feeling: that decides which heads look."""
    return cues is not None and bool(cues.emotion)


def _evidence(cues: Cues | None) -> tuple[str, ...]:
    return tuple(f"{e.claim}: {e.measurement}" for e in cues.evidence) if cues is not None else ()

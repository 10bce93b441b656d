"""A deterministic appraiser for tests and load runs: a few words decide."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..base import Appraisal, Situation
from ..labels import Emotion, Need, Risk, Tactic, Tone
from ..store import Store

WORDS = {
    "died": (Emotion.GRIEVING, 3, Need.COMFORT, Tone.GENTLE),
    "lost": (Emotion.SAD, 2, Need.COMFORT, Tone.GENTLE),
    "won": (Emotion.HAPPY, 2, Need.CELEBRATE, Tone.BRIGHT),
    "passed": (Emotion.PROUD, 2, Need.CELEBRATE, Tone.BRIGHT),
    "afraid": (Emotion.AFRAID, 2, Need.COMFORT, Tone.CALM),
    "angry": (Emotion.ANGRY, 2, Need.VALIDATION, Tone.CALM),
    "tired": (Emotion.TIRED, 1, Need.BE_HEARD, Tone.WARM),
}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScriptedAppraiser:
    def __init__(self, options: Options, store: Store) -> None:
        pass

    async def appraise(self, situation: Situation) -> Appraisal:
        said = situation.text.lower().split()
        found = next((word for word in said if word.strip(".,!?") in WORDS), "")
        plain = found.strip(".,!?")
        felt, intensity, need, tone = WORDS.get(plain, (Emotion.NEUTRAL, 0, Need.BE_HEARD, Tone.WARM))
        return Appraisal(
            felt, intensity, plain, need, False, Risk.NONE, (Tactic.PARAPHRASING,), tone, (), 1.0, "scripted"
        )

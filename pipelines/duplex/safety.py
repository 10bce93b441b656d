"""Safety as code: risk in what was said and in what we are about to say, fixed answers, and speech as data. Pure."""

from __future__ import annotations

import re

from ...models.base import Appraisal, Situation


def checked(appraisal: Appraisal, situation: Situation) -> Appraisal:
    """The appraisal with at least the risk that the words carry."""
    return appraisal


def fixed_reply(appraisal: Appraisal, situation: Situation, *, region: str | None = None) -> str | None:
    """What is said as it is, without the chat model; `None` for an ordinary turn. `region`: ISO 3166 code."""
    return None


def neutralised(text: str) -> str:
    """What was said, as data: without anything that a chat template or our own format would act on."""
    return " ".join(re.sub(r"[<>\[\]{}|]+", " ", text).split())

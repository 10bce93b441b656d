"""Which tactics to answer with: what fits, less what was just done - as people vary theirs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..base import PastTurn
from ..labels import Need, Tactic

REPEAT_PENALTY = 0.4
"""Taken from the logit of a tactic that the last reply used; the heads, too, have learned to vary (docs/empathy.md)."""
OLDER_PENALTY = 0.2
QUESTION_PENALTY = 0.7
"""Two questions in a row feel like an interview."""
QUESTION_BIAS = 0.7
"""Taken from the logit of a question always: alone it is often likeliest, and would come in six turns of ten."""
SECOND_BELOW = 0.6
"""A second tactic joins if its logit is at most this far below the first."""


def choose(logits: Mapping[Tactic, float], past: Sequence[PastTurn], need: Need) -> tuple[Tactic, ...]:
    """One or two tactics. Advice and information only where they are needed: nobody likes them unasked."""
    scores = dict(logits)
    scores[Tactic.QUESTIONING] = scores.get(Tactic.QUESTIONING, 0.0) - QUESTION_BIAS
    for age, turn in enumerate(reversed(past[-2:])):
        for tactic in turn.appraisal.tactics if turn.appraisal else ():
            scores[tactic] = scores.get(tactic, 0.0) - (REPEAT_PENALTY if age == 0 else OLDER_PENALTY)
            if tactic is Tactic.QUESTIONING and age == 0:
                scores[tactic] -= QUESTION_PENALTY - REPEAT_PENALTY
    if need not in (Need.ADVICE, Need.PRACTICAL_HELP, Need.INFORMATION, Need.SAFETY):
        for tactic in (Tactic.ADVICE, Tactic.INFORMATION):
            scores.pop(tactic, None)
    ranked = sorted(scores, key=lambda tactic: -scores[tactic])
    second = [tactic for tactic in ranked[1:2] if scores[ranked[0]] - scores[tactic] <= SECOND_BELOW]
    return (ranked[0], *second)

"""Where the small appraiser is not sure, the chat model writes the appraisal line itself, while the opener plays. Pure.

Of words without a telling voice a language model understands more than heads over a sentence vector (docs/empathy.md).
A grammar holds its line to the format, to what plain words allow, to tactics that the last reply did not use (and a
question only where the policy of tactics has chosen one), and to a tone that our mood can reach; risk and conflict
stay what code made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...models.appraisal.line import parse_appraisal
from ...models.base import Appraisal, Situation
from ...models.labels import EVEN, JOYS, Emotion, Need, Risk, Tactic, Tone
from . import asking, mood, wording
from .crisis import risk_in

LONGEST_CAUSE = 7
BEYOND_US = frozenset({Tactic.ASSISTANCE, Tactic.REAPPRAISAL})
"""Small models promise what nobody can do ("I'll stay with you in the shower"), or explain a feeling away."""
TOLD_WHEN_NEEDED = frozenset({Tactic.ADVICE, Tactic.INFORMATION})
NEEDS_TOLD = frozenset({Need.ADVICE, Need.INFORMATION, Need.PRACTICAL_HELP, Need.SAFETY})


def wanted(appraisal: Appraisal, situation: Situation) -> bool:
    """Whether the model is asked: nothing that code decides (a conflict, a hint of a risk) hangs on this line."""
    unsure = appraisal.confidence is not None and appraisal.confidence < asking.SURE_FROM
    hinted = appraisal.risk is Risk.WATCH and risk_in(situation.text) is not Risk.NONE
    settled = appraisal.conflict or appraisal.risk is Risk.CRISIS or hinted
    return appraisal.appraiser == "small" and unsure and not settled


def grammar(appraisal: Appraisal, situation: Situation, persona: mood.Persona = mood.EVERYBODY) -> str:
    """GBNF of what follows "[": the rest of the line, a line end, and the reply."""
    last = situation.past[-1].appraisal if situation.past else None
    tones: dict[Tone, list[Emotion]] = {}
    for emotion in _possible(situation):
        tone = mood.tone(appraisal.tone, emotion, last.tone if last else None, persona)
        tones.setdefault(tone, []).append(emotion)
    barred = BEYOND_US | (frozenset(last.tactics) if last else frozenset[Tactic]())
    if Tactic.QUESTIONING not in appraisal.tactics:
        barred |= {Tactic.QUESTIONING}
    free = [tactic for tactic in Tactic if tactic not in barred | TOLD_WHEN_NEEDED]
    told = [tactic for tactic in Tactic if tactic not in barred]
    to_tell = [need for need in Need if need in NEEDS_TOLD]
    other = [need for need in Need if need not in NEEDS_TOLD]
    then = f'{_any(other)} "; " {_some(free)} | {_any(to_tell)} "; " {_some(told)}'
    felt = " | ".join(f'{_any(emotions)} middle "; {_words(tone)}]"' for tone, emotions in tones.items())
    return "\n".join(
        [
            f'root ::= ({felt}) "\\n" reply',
            f'middle ::= " " [0-3] "; " cause "; " ({then})',
            f'cause ::= word (" " word){{1,{LONGEST_CAUSE - 1}}}',
            "word ::= [^ ;<>|{}\\[\\]\\n]+",
            "reply ::= [^<>|{}\\[\\]\\n]+",
        ]
    )


def noted(appraisal: Appraisal, line: str) -> Appraisal:
    """The appraisal as the model's line has it.

    Raises:
        ValueError: it is no appraisal line.
    """
    read = parse_appraisal(line)
    return replace(
        appraisal,
        emotion=read.emotion,
        intensity=read.intensity,
        cause=read.cause,
        need=read.need,
        tactics=read.tactics,
        tone=read.tone,
        appraiser="small+llm",
    )


class Line:
    """Takes the line off the start of what the model writes."""

    def __init__(self) -> None:
        self.text = "["
        self.over = False
        self._begun = False

    def feed(self, text: str) -> str:
        """What of the text is the reply."""
        if not self.over:
            line, end, text = text.partition("]")
            self.text += line + end
            self.over = bool(end)
        reply = text if self._begun else text.lstrip()
        self._begun = self._begun or bool(reply)
        return reply


def _possible(situation: Situation) -> Iterable[Emotion]:
    """Feelings that plain words do not speak against."""
    heavy, glad = wording.heavy(situation.text), wording.glad(situation.text)
    if heavy and not glad:
        return [emotion for emotion in Emotion if emotion not in JOYS]
    if glad and not heavy:
        return [emotion for emotion in Emotion if emotion in JOYS | EVEN]
    return list(Emotion)


def _some(tactics: Iterable[Tactic]) -> str:
    """One or two of them."""
    one = _any(tactics)
    return f'{one} (" + " {one})?'


def _any(labels: Iterable[str]) -> str:
    return "(" + " | ".join(f'"{_words(label)}"' for label in labels) + ")"


def _words(label: str) -> str:
    return str(label).replace("_", " ")

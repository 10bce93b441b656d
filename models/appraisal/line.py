"""The bracketed appraisal line and the cue line: how an appraisal and a voice are written for a chat model. Pure.

Appraisal: `[emotion intensity; cause; need; (conflict;) (watch|crisis;) tactic + tactic; tone]`, e.g.
`[anxious 2; rang brother after six years; be heard; validation + questioning; gentle]`.
Cues: `(voice: two likeliest emotions; styles; events; age and gender; unsure)`, e.g.
`(voice: anxious .4, relieved .3; trembling; sigh; senior female; unsure)`.
The adapters are trained on exactly these, so a change here asks for a new adapter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from ..base import Appraisal, Cues, EventSpan
from ..labels import AgeBand, Emotion, Gender, Need, Risk, Tactic, Tone, VocalEvent, VoiceStyle

UNSURE_BELOW = 0.4
"""Cues of less confidence than this are written as "unsure"."""
UNSURE = 0.2
"""The confidence that "unsure" is read as."""
LIKELIEST = 2
SMALLEST = 0.05
"""Emotions less likely than this would be written as .0, so they are left out."""
CAUSE_WORDS = 12
MAX_TACTICS = 2

Label = TypeVar("Label", bound=StrEnum)


def render_appraisal(appraisal: Appraisal) -> str:
    """The line, with its brackets and without a line end."""
    fields = [f"{appraisal.emotion} {appraisal.intensity}", clean_cause(appraisal.cause), _words(appraisal.need)]
    if appraisal.conflict:
        fields.append("conflict")
    if appraisal.risk is not Risk.NONE:
        fields.append(str(appraisal.risk))
    fields += [" + ".join(map(_words, appraisal.tactics)), _words(appraisal.tone)]
    return f"[{'; '.join(field for field in fields if field)}]"


def parse_appraisal(line: str) -> Appraisal:
    """Read the line back; case and a missing bracket do not matter, an empty cause may be left out.

    Raises:
        ValueError: the text is not an appraisal line; it says what is wrong.
    """
    fields = [field.strip() for field in line.strip().removeprefix("[").removesuffix("]").split(";")]
    emotion, intensity = _felt(fields.pop(0))
    tone = _label(Tone, _last(fields))
    tactics = tuple(dict.fromkeys(_label(Tactic, name) for name in _last(fields).split("+")))[:MAX_TACTICS]
    risk = Risk(fields.pop().lower()) if fields and fields[-1].lower() in ("watch", "crisis") else Risk.NONE
    conflict = bool(fields) and fields[-1].lower() == "conflict"
    if conflict:
        fields.pop()
    need = _label(Need, _last(fields))
    return Appraisal(emotion, intensity, clean_cause("; ".join(fields)), need, conflict, risk, tactics, tone)


def render_cues(cues: Cues | None) -> str:
    """The cue line, or "" where the voice said nothing."""
    if cues is None:
        return ""
    ranked = sorted((cues.emotion or {}).items(), key=lambda pair: -pair[1])[:LIKELIEST]
    fields = [
        ", ".join(f"{label} {_share(p)}" for label, p in ranked if p >= SMALLEST),
        ", ".join(map(_words, cues.style)),
        ", ".join(_words(event) for event in dict.fromkeys(span.event for span in cues.events)),
        " ".join(str(label) for label in (cues.age, cues.gender) if label is not None),
    ]
    fields = [field for field in fields if field]
    if fields and cues.confidence is not None and cues.confidence < UNSURE_BELOW:
        fields.append("unsure")
    return f"(voice: {'; '.join(fields)})" if fields else ""


def parse_cues(line: str) -> Cues:
    """Read a cue line back; what it does not name is unknown, and events have no times.

    Raises:
        ValueError: the text is not a cue line.
    """
    body = line.strip()
    if not (body.startswith("(voice:") and body.endswith(")")):
        raise ValueError(f"not a cue line: {line!r}")
    emotion: dict[Emotion, float] = {}
    styles: list[VoiceStyle] = []
    events: list[EventSpan] = []
    age, gender, confidence = None, None, None
    for item in re.split(r"[;,]", body.removeprefix("(voice:").removesuffix(")")):
        text = item.strip().lower()
        if found := re.fullmatch(r"(\w+) (1|\.\d+)", text):
            emotion[_label(Emotion, found[1])] = float(found[2])
        elif text == "unsure":
            confidence = UNSURE
        elif _key(text) in set(VoiceStyle):
            styles.append(VoiceStyle(_key(text)))
        elif _key(text) in set(VocalEvent):
            events.append(EventSpan(VocalEvent(_key(text)), 0, 0, 1.0))
        else:
            age, gender = _person(text.split())
    return Cues(
        emotion=emotion or None,
        style=tuple(styles),
        events=tuple(events),
        age=age,
        gender=gender,
        confidence=confidence,
    )


def clean_cause(cause: str) -> str:
    """A cause as it fits the line: one line, no brackets, at most `CAUSE_WORDS` words."""
    plain = re.sub(r"[\[\]<>|\s]+", " ", cause)
    fields = [" ".join(field.split()) for field in plain.split(";")]
    words = "; ".join(field for field in fields if field).split()[:CAUSE_WORDS]
    return " ".join(words).rstrip(";").rstrip()


def _felt(field: str) -> tuple[Emotion, int]:
    name, _, number = field.rpartition(" ")
    if not number.isdecimal():
        raise ValueError(f"no intensity in {field!r}")
    return _label(Emotion, name), min(3, int(number))


def _person(words: Iterable[str]) -> tuple[AgeBand | None, Gender | None]:
    age, gender = None, None
    for word in words:
        if word in set(AgeBand):
            age = AgeBand(word)
        else:
            gender = _label(Gender, word)
    return age, gender


def _label(kind: type[Label], name: str) -> Label:
    try:
        return kind(_key(name))
    except ValueError:
        raise ValueError(f"{name.strip()!r} is not one of {kind.__name__}: {', '.join(kind)}") from None


def _last(fields: list[str]) -> str:
    if not fields:
        raise ValueError("the line is too short")
    return fields.pop()


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _words(label: str) -> str:
    return str(label).replace("_", " ")


def _share(probability: float) -> str:
    """One digit without the zero: .4; 1 for certain."""
    return f"{min(1.0, probability):.1f}".removeprefix("0").removesuffix(".0")

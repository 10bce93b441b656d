"""The first short clause of a reply, chosen from a bank (openers.toml) while the chat model still reads. Pure.

A clause at the wrong place is worse than none: "Well done!" to a death. So what an opener asserts must be borne out
by everything that is known - the appraisal and its confidence, the words, the voice - and where these disagree, or
know little, one is taken that fits anything. The same turn always gets the same opener, so that work done ahead of the
end of a turn, and a replay, say the same.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ...models.base import Appraisal, Cues, Situation
from ...models.labels import EVEN, JOYS, Emotion, Need, Risk, Tactic, Tone
from . import wording
from .crisis import risk_in

BANK = Path(__file__).with_name("openers.toml")
SURE_FROM = 0.6
"""Confidence of an appraisal from which an opener may name its feeling (measured: docs/empathy.md)."""
LATELY = 24
"""Replies within which no two begin with the same two words."""
FEWEST = 4
"""Openers to choose among before a less special cell is looked at, too."""
VOICE_DISAGREES = 0.25
"""Valence (-1..1) of the voice that speaks against an opener of the other sign."""

MIXED_FROM = 0.25
"""Probability from which the weaker side of a mixed voice counts."""

VOICING = {
    Tone.APOLOGETIC: Tone.GENTLE, Tone.CALM: Tone.GENTLE, Tone.SERIOUS: Tone.GENTLE, Tone.ENCOURAGING: Tone.WARM,
    Tone.NEUTRAL: Tone.WARM, Tone.PLAYFUL: Tone.BRIGHT,
}  # fmt: skip

LIGHT = frozenset({"there", "thank", "thanks", "would", "could", "about", "still", "really", "think", "thing"})
ECHO_WORDS = 4
"""First words of a reply in which a weighty word of the opener would be heard twice."""

When = Literal["", "guarded", "heavy", "glad", "asked", "conflict", "watch"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Openers and what an appraisal must be like for them; an empty field asks for nothing."""

    say: tuple[str, ...]
    tone: frozenset[Tone]
    when: When = ""
    feel: frozenset[Emotion] = frozenset()
    intensity: tuple[int, int] = (0, 3)
    need: frozenset[Need] = frozenset()
    tactics: frozenset[Tactic] = frozenset()

    def fits(self, appraisal: Appraisal, when: When) -> bool:
        low, high = self.intensity
        return (
            self.when == when
            and appraisal.tone in self.tone
            and (not self.feel or appraisal.emotion in self.feel)
            and low <= appraisal.intensity <= high
            and (not self.need or appraisal.need in self.need)
            and (not self.tactics or bool(self.tactics & set(appraisal.tactics)))
        )

    @property
    def special(self) -> int:
        """How much it asks for."""
        return sum([self.intensity != (0, 3), 2 * bool(self.need), 2 * bool(self.tactics)])


def choose(appraisal: Appraisal, situation: Situation, instructions: str = "") -> str:
    """An opener, or "" where none is fit: fixed lines, courtesies, other languages, all that fit said lately."""
    text = situation.text.strip()
    if appraisal.risk is Risk.CRISIS or not text or wording.courtesy(text) or not _english(situation, instructions):
        return ""
    lately = {beginning(turn.reply) for turn in situation.past[-LATELY:]}
    when = kind(appraisal, situation)
    options: list[str] = []
    for cell in sorted(bank(), key=lambda cell: -cell.special):
        if len(options) >= FEWEST:
            break
        if cell.fits(appraisal, when):
            options += [say for say in cell.say if beginning(say) not in lately and say not in options]
    if not options:
        return ""
    return options[zlib.crc32(f"{len(situation.past)} {text}".encode()) % len(options)]


def echoes(opener: str, text: str) -> bool:
    """Whether a reply's first words say the opener again."""
    if not opener:
        return False
    begun = re.findall(r"[a-z']+", text.lower())[:ECHO_WORDS]
    return beginning(opener) == tuple(begun[:2]) or bool(set(begun) & set(_weighty(opener)))


class Opening:
    """Holds back a reply's first words until it is known whether they say the opener again: `echoed`."""

    def __init__(self, opener: str) -> None:
        self._opener = opener
        self._held = ""
        self._decided = not opener
        self.echoed = False

    def feed(self, text: str) -> str:
        """What may be said now; nothing any more once it is an echo."""
        if self._decided:
            return "" if self.echoed else text
        self._held += text
        return self._decide() if len(self._held.split()) >= ECHO_WORDS else ""

    def end(self) -> str:
        """What is still held back when the reply ends; "So," alone is no reply."""
        if not self._decided and not re.search(r"[.!?…]\W*$", self._held):
            self._decided, self._held = True, ""
        return self._decide()

    def _decide(self) -> str:
        if self._decided:
            return ""
        self._decided, self.echoed = True, echoes(self._opener, self._held)
        return "" if self.echoed else self._held


def beginning(text: str) -> tuple[str, ...]:
    """The first two words of a reply, to compare by."""
    return tuple(re.findall(r"[a-z']+", text.lower())[:2])


@cache
def bank() -> tuple[Cell, ...]:
    """All cells, as they ship."""
    return tuple(_cells(tomllib.loads(BANK.read_text(encoding="utf-8"))["cell"]))


def _cells(tables: Sequence[dict[str, list[str]]]) -> Iterator[Cell]:
    for table in tables:
        low, high = table.get("intensity", (0, 3))
        yield Cell(
            say=tuple(table["say"]),
            tone=frozenset(map(Tone, table["tone"])),
            when=table.get("when", ""),  # type: ignore[arg-type]
            feel=frozenset(map(Emotion, table.get("feel", ()))),
            intensity=(int(low), int(high)),
            need=frozenset(map(Need, table.get("need", ()))),
            tactics=frozenset(map(Tactic, table.get("tactics", ()))),
        )


def _weighty(text: str) -> list[str]:
    """Words that are heard again when said twice: "sorry", "congratulations", "exciting"."""
    return [
        word for word in re.findall(r"[a-z']+", text.lower()) if len(word) > 4 and "'" not in word and word not in LIGHT
    ]


def kind(appraisal: Appraisal, situation: Situation) -> When:
    """Which kind of opener is safe: "" names the feeling."""
    if appraisal.risk is Risk.WATCH and risk_in(situation.text) is not Risk.NONE:
        return "watch"
    if appraisal.conflict and appraisal.tone not in (Tone.BRIGHT, Tone.PLAYFUL):
        return "conflict"
    unsure = appraisal.conflict or (appraisal.confidence is not None and appraisal.confidence < SURE_FROM)
    unsure = unsure or appraisal.risk is Risk.WATCH
    if not (unsure or _contradicted(appraisal, situation)) and _any(appraisal):
        return ""
    return _plainly(appraisal, situation)


def _plainly(appraisal: Appraisal, situation: Situation) -> When:
    """Which openers plain words allow for where the feeling is not sure: what they say."""
    heavy, glad = wording.heavy(situation.text), wording.glad(situation.text)
    valence = situation.cues.valence if situation.cues is not None and situation.cues.valence is not None else 0.0
    soft = appraisal.tone not in (Tone.BRIGHT, Tone.PLAYFUL)
    if heavy and not glad and soft and appraisal.emotion not in JOYS and valence < VOICE_DISAGREES:
        return "heavy"
    if glad and not heavy and appraisal.emotion in JOYS and valence > -VOICE_DISAGREES:
        return "glad"
    asked = situation.text.rstrip().endswith("?") and not heavy and not glad
    return "asked" if asked and valence > -VOICE_DISAGREES else "guarded"


def _any(appraisal: Appraisal) -> bool:
    return any(cell.fits(appraisal, "") for cell in bank())


def _contradicted(appraisal: Appraisal, situation: Situation) -> bool:
    """Whether the words or the voice speak against what the appraisal would have us say."""
    heavy, glad = wording.heavy(situation.text), wording.glad(situation.text)
    valence = situation.cues.valence if situation.cues is not None else None
    if _mixed(situation.cues):
        return True
    if appraisal.emotion in JOYS:
        return heavy or (valence is not None and valence < -VOICE_DISAGREES)
    if appraisal.emotion in EVEN:
        return heavy or glad
    return glad or (valence is not None and valence > VOICE_DISAGREES)


def _mixed(cues: Cues | None) -> bool:
    """Whether the voice is glad and heavy at once: who laughs about a dead mother is pleased with neither."""
    felt = cues.emotion if cues is not None and cues.emotion else {}
    glad = sum(p for emotion, p in felt.items() if emotion in JOYS)
    heavy = sum(p for emotion, p in felt.items() if emotion not in JOYS | EVEN)
    return min(glad, heavy) >= MIXED_FROM


def _english(situation: Situation, instructions: str) -> bool:
    """Whether English is what is spoken, as far as one can know; the bank has nothing else."""
    if situation.language is not None and not situation.language.lower().startswith("en"):
        return False
    return wording.english(situation.text) and not wording.names_language(instructions)


def voicing(tone: Tone) -> Tone:
    """How an opener in this tone is spoken: so short a clause sounds the same in near tones, and is rendered once."""
    return VOICING.get(tone, tone)


def renditions() -> tuple[tuple[str, Tone], ...]:
    """Every opener in every voicing that it may be said in, those that fit anything first: what to render ahead."""
    ranked = sorted(bank(), key=lambda cell: (cell.when == "", cell.special))
    every = ((say, voicing(tone)) for cell in ranked for say in cell.say for tone in sorted(cell.tone))
    return tuple(dict.fromkeys(every))

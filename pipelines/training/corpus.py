"""Dialogues of the corpus (its SPEC.md has the format) as the values that models take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...models.base import Appraisal, Cues, EventSpan, PastTurn, Situation
from ...models.labels import AgeBand, Emotion, Gender, Need, Risk, Tactic, Tone, VocalEvent, VoiceStyle

CONFIDENCE = {"high": 0.9, "medium": 0.6, "low": 0.3}


@dataclass(frozen=True, slots=True)
class Example:
    """A turn: what the listener knows, what they make of it, and what they say."""

    dialogue: str
    situation: Situation
    plan: Appraisal
    reply: str


class BadCorpus(ValueError):
    """A line is not of the corpus; the message names the file and the line."""


def read(folder: Path) -> Iterator[Example]:
    """All turns of all *.jsonl files, in order. Raises BadCorpus."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise BadCorpus(f"{folder} holds no .jsonl files: give the corpus's folder")
    for file in files:
        yield from read_file(file)


def read_file(file: Path) -> Iterator[Example]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield from dialogue(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise BadCorpus(f"{file.name}, line {number}: {error}") from error


def dialogue(record: Mapping[str, Any]) -> Iterator[Example]:
    past: list[PastTurn] = []
    for turn in record["turns"]:
        cues, plan = cues_of(turn["user"]["cues"]), plan_of(turn["plan"])
        yield Example(record["id"], Situation(turn["user"]["text"], cues, tuple(past)), plan, turn["reply"])
        past.append(PastTurn(turn["user"]["text"], cues, plan, turn["reply"]))


def unheard(example: Example) -> Example:
    """The same turn as if it had been written."""
    situation = example.situation
    past = tuple(replace(turn, cues=None) for turn in situation.past)
    return replace(example, situation=replace(situation, cues=None, past=past))


def cues_of(record: Mapping[str, Any]) -> Cues:
    return Cues(
        emotion={Emotion(label): float(p) for label, p in record["emotion"].items()},
        valence=record["valence"],
        arousal=record["arousal"],
        style=tuple(VoiceStyle(style) for style in record["style"]),
        events=tuple(EventSpan(VocalEvent(event), 0, 0, 1.0) for event in record["events"]),
        age=AgeBand(record["age"]) if record.get("age") else None,
        gender=Gender(record["gender"]) if record.get("gender") else None,
        confidence=CONFIDENCE[record["confidence"]],
    )


def plan_of(record: Mapping[str, Any]) -> Appraisal:
    return Appraisal(
        emotion=Emotion(record["emotion"]),
        intensity=int(record["intensity"]),
        cause=record["cause"],
        need=Need(record["need"]),
        conflict=bool(record["conflict"]),
        risk=Risk(record["risk"]),
        tactics=tuple(Tactic(tactic) for tactic in record["tactics"]),
        tone=Tone(record["tone"]),
    )

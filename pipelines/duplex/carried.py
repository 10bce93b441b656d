"""What of a conversation can go on in another process: its items as heard, and what was read of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from ...models.base import Baseline
from .history import Entry


@dataclass(frozen=True, slots=True)
class Carried:
    """`ids` is how many ids the conversation has given out. Numbers that would tell a voice from others stay behind."""

    entries: tuple[Entry, ...] = ()
    ids: int = 0
    baseline: Baseline = Baseline()


_CARRIED = TypeAdapter(Carried)


def packed(carried: Carried) -> bytes:
    """As JSON."""
    entries = tuple(map(_without_voice, carried.entries))
    baseline = replace(carried.baseline, voice=None, voice_turns=0)
    return _CARRIED.dump_json(replace(carried, entries=entries, baseline=baseline))


def unpacked(data: bytes) -> Carried:
    """Raises ValueError: this is none, or of another version of Affetto."""
    try:
        return _CARRIED.validate_json(data)
    except ValidationError as error:
        raise ValueError(f"not a conversation that was carried here: {error.error_count()} fields are wrong") from None


def _without_voice(entry: Entry) -> Entry:
    return entry if entry.cues is None else replace(entry, cues=replace(entry.cues, voice=None, evidence=()))

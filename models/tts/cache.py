"""Phrases rendered before: openers, sounds of listening and safety texts come out at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence

from ..base import Speech, Style

LONGEST_CHARS = 240
"""Longer texts hardly come twice."""


class PhraseCache:
    """The least lately used phrases go when all together hold more than `most_bytes`; 0 keeps none."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._phrases: OrderedDict[Hashable, tuple[Speech, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._phrases)

    def get(self, text: str, voice: str, style: Style) -> tuple[Speech, ...] | None:
        key = _key(text, voice, style)
        if key not in self._phrases:
            return None
        self._phrases.move_to_end(key)
        return self._phrases[key]

    def put(self, text: str, voice: str, style: Style, pieces: Sequence[Speech]) -> None:
        size = sum(piece.samples.nbytes for piece in pieces)
        key = _key(text, voice, style)
        if len(text) > LONGEST_CHARS or size > self._most_bytes or key in self._phrases:
            return
        for piece in pieces:
            piece.samples.flags.writeable = False
        self._phrases[key] = tuple(pieces)
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, gone = self._phrases.popitem(last=False)
            self._bytes -= sum(piece.samples.nbytes for piece in gone)


def _key(text: str, voice: str, style: Style) -> Hashable:
    numbers = (style.rate, style.pitch_semitones, style.pitch_range, style.energy_db, style.final_lowering_semitones)
    return text.strip(), voice, style.tone, numbers, tuple(sorted(style.voice_mix.items()))

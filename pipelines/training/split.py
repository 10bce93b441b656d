"""Which stories of the corpus are held out from training: fixed by their names, all versions of one together."""

from __future__ import annotations

import hashlib
import re

HELD_OUT_PERCENT = 12


def story(dialogue_id: str) -> str:
    """The story that a dialogue tells: voice-012a, b and c are one."""
    return re.sub(r"(?<=\d)[a-z]$", "", dialogue_id)


def is_held_out(dialogue_id: str) -> bool:
    """By hash of the story's name, so that new stories do not move old ones."""
    digest = hashlib.sha256(story(dialogue_id).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT

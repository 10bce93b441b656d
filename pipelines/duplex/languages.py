"""Which language is not English, by plain evidence, and what is said to somebody whose language we lack. Pure.

A lonely sentence without a common English word must never be answered with "I only speak English", so a text counts
as foreign only where it has words, or letters, that English has not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from ...models.base import PastTurn

TABLE: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WRITTEN = frozenset({"de", "fr", "es", "it", "pt", "nl", "zh"})
"""What the embedded chat model writes well enough; a larger one (`duplex.prompt_form = "full"`) is trusted with any."""
FEWEST_WORDS = 2
LEAST_SHARE = 0.3
"""Of a text's words, or letters, that must be of the other language."""

SPOKEN_LINES = (
    "I'm sorry, I can only speak English. If you can say it in English, in whatever words you have, I'm listening.",
    "I wish I could answer in your language; I only speak English for now. Any English words will do; there's time.",
)
WRITTEN_ELSE = (
    "I'm sorry, I can't write your language well yet. Could you try in English, German, French, Spanish, Italian, "
    "Portuguese or Dutch?"
)

_ENGLISH, _SHARED = (frozenset(TABLE.pop(name)["words"].split()) for name in ("en", "shared"))
_WORDS = {code: {*row["words"].split()} - _ENGLISH - _SHARED for code, row in TABLE.items() if "words" in row}
_LETTERS = {code: re.compile(f"[{row['letters']}]") for code, row in TABLE.items() if "letters" in row}


def foreign(text: str) -> str | None:
    """The language of a text (ISO 639-1), where it plainly is not English."""
    letters = sum(letter.isalpha() for letter in text)
    for language, script in _LETTERS.items():
        if letters and len(script.findall(text)) >= LEAST_SHARE * letters:
            return language
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'"))
    counts = {language: len(known.intersection(words)) for language, known in _WORDS.items()}
    likeliest = max(counts, key=lambda language: counts[language])
    hits, english = counts[likeliest], sum(word in _ENGLISH for word in words)
    return likeliest if hits >= max(FEWEST_WORDS, LEAST_SHARE * len(words), english + 1) else None


def excuse(text: str, past: Sequence[PastTurn], *, written: bool, any_written: bool) -> str | None:
    """What to say where we cannot answer in the language of a turn; `any_written`: the chat model writes any."""
    language = foreign(text)
    if language is None or (written and (any_written or language in WRITTEN)):
        return None
    if written:
        return TABLE[language].get("excuse", WRITTEN_ELSE)
    return next((line for line in SPOKEN_LINES if not any(line in turn.reply for turn in past)), SPOKEN_LINES[-1])

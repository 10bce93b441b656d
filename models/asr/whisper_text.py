"""When is a Whisper decode not to be believed? Pure checks on its text and scores."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

NO_SPEECH = 0.6
LOW_LOGPROB = -1.0
"""Whisper's own thresholds for silence (openai/whisper, transcribe.py): both must be passed."""
COMPRESSION_LIMIT = 2.4
"""A text that zlib shrinks by more than this repeats itself (same source)."""
STOCK_PHRASES = frozenset(
    {
        "thank you", "thanks for watching", "thank you for watching", "thank you very much", "you", "bye", "bye bye",
        "please subscribe", "subtitles by the amara.org community", "thank you so much for watching", "so", "the",
    }
)  # fmt: skip
"""What Whisper makes of noise, learnt from captions; believed only where speech is likely."""
STOCK_NO_SPEECH = 0.25
STOCK_LOGPROB = -0.55


def compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def is_loop(text: str) -> bool:
    """Whether the decoder went round in circles."""
    return compression_ratio(text) > COMPRESSION_LIMIT or _repeats(re.split(r"[\s-]+", text.lower()))


def undoubled(words: Sequence[str]) -> int:
    """How many of the words were said, where the decoder begins again and says all of it once more, or part of it
    (the way a short padding makes it loop)."""
    plain = [word.strip(".,!?\"'-").lower() for word in words]
    for once in range(3, len(plain) - 2):
        if all(plain[i] == plain[i % once] for i in range(once, len(plain))):
            return once
    return len(plain)


def is_silence(text: str, no_speech: float, mean_logprob: float) -> bool:
    """Whether the words are likelier the decoder's than the speaker's."""
    plain = text.lower().strip(" .,!?")
    if not any(character.isalnum() for character in plain):
        return True
    if no_speech > NO_SPEECH and mean_logprob < LOW_LOGPROB:
        return True
    doubtful = no_speech > STOCK_NO_SPEECH or mean_logprob < STOCK_LOGPROB
    return plain in STOCK_PHRASES and doubtful


def _repeats(words: Sequence[str]) -> bool:
    """Whether the text ends in one phrase of up to four words said five times or more, the last time perhaps in part:
    where the decoder has to stop, it stops within a word."""
    for size in range(1, 5):
        whole = list(words)
        if len(whole) > size and whole[-1 - size].startswith(whole[-1]):
            whole[-1] = whole[-1 - size]
        again = 0
        while again < len(whole) - size and whole[-1 - again] == whole[-1 - again - size]:
            again += 1
        if again >= 4 * size:
            return True
    return False

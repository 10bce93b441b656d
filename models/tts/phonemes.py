"""Text to Kokoro's phonemes: espeak-ng's, rewritten in the alphabet that the model was trained on.

Kokoro learnt the phonemes of misaki (Apache-2.0): diphthongs and affricates are single letters there. The
alphabet and its numbers are those of the model's config.json (hexgrad/Kokoro-82M).
"""

from __future__ import annotations

import logging
import re
import threading
from functools import cache, lru_cache

import espeakng_loader
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper

from ..errors import Unavailable
from .names import NAMES

SYMBOLS: dict[str, int] = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "\uab67": 23, "A": 24, "I": 25, "O": 31,
    "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48,
    "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61,
    "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75,
    "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92,
    "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116,
    "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132,
    "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156,
    "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip
_MARKS = ",.;:!?—…"
LONGEST = 508
"""Phonemes the model takes at once, less the two pads."""

_COMMON = [
    ("ʔˌn̩", "tᵊn"), ("ʔ", "t"), ("ɹɹ", "ɹ"),
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("ə^l", "ᵊl"),
]  # fmt: skip
_AMERICAN = [("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("ɚɹ", "əɹ"), ("ɚ", "əɹ"), ("ɾ", "T")]
"""The flap of "water" is a T of its own to the model (misaki's `en.py`)."""
_BRITISH = [("ə^ʊ", "Q"), ("e^ə", "ɛː"), ("i^ə", "ɪə")]
_REST = [("ɐ", "ə"), ("r", "ɹ"), ("g", "ɡ"), ("^", "")]

LISTENING: dict[str, str] = {
    "mm-hm": "m hˈm", "mm-hmm": "m hˈm", "mhm": "mhˈm", "mm": "mˈm", "mmm": "mˈm", "hmm": "hmm", "hm": "hm",
    "uh-huh": "əhˈʌ", "aww": "ˈɔː", "haha": "hɑhˈɑ", "hehe": "hɛhˈɛ", "ooh": "ˈu", "ugh": "ˈʌh",
}  # fmt: skip
"""Sounds of listening, which espeak-ng would spell out ("em em aitch em"). Stressed on its second half, "mm-hm" rises
and agrees; on its first it falls, and sounds bored."""

_KNOWN = {**LISTENING, **NAMES}
_KNOWN_WORDS = re.compile(rf"\b({'|'.join(sorted(_KNOWN, key=len, reverse=True))})('s)?\b(?![-'])", re.IGNORECASE)
_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)
"""Phonemizer would warn of each pair of words that is spoken as one ("of the")."""
_lock = threading.Lock()


def phonemes(text: str, language: str = "en-us") -> str:
    """Phonemes of a text in the model's alphabet; what it cannot say is left out."""
    sounds = ipa(text, language).replace("͡", "^")
    for old, new in [*_COMMON, *(_BRITISH if language == "en-gb" else _AMERICAN), *_REST]:
        sounds = sounds.replace(old, new)
    return "".join(symbol for symbol in sounds if symbol in SYMBOLS)


@lru_cache(4096)
def alone(word: str, language: str) -> str:
    """Phonemes of one word by itself."""
    return phonemes(word, language)


def ipa(text: str, language: str, *, tie: bool = True) -> str:
    """What is said, in the phonetic alphabet; `tie` joins the letters of one sound."""
    said, at = [], 0
    for match in _KNOWN_WORDS.finditer(text):
        known = _KNOWN[match[1].lower()] + ("z" if match[2] else "")
        said += [_espoken(text[at : match.start()], language, tie), known if tie else known.replace("^", "")]
        at = match.end()
    said.append(_espoken(text[at:], language, tie))
    return re.sub(r" (?=[,.;:!?…])", "", " ".join(part for part in said if part))


def _espoken(text: str, language: str, tie: bool) -> str:
    """What espeak-ng makes of it."""
    if not any(map(str.isalnum, text)):
        return "".join(symbol for symbol in text if symbol in _MARKS)
    with _lock:  # espeak-ng keeps global state
        spoken = _backend(language, tie).phonemize([text])
    return spoken[0].strip() if spoken else ""


def prepare() -> None:
    """Load espeak-ng, so that a machine where it cannot be loaded says so at the start. Raises Unavailable."""
    try:
        phonemes("a")
    except (OSError, RuntimeError) as error:
        raise Unavailable(
            f"espeak-ng cannot be loaded ({error}): it is loaded from a copy of itself in the folder of temporary "
            "files, which must allow programs (no `noexec`): set TMPDIR to one that does"
        ) from error


def tokens(sounds: str) -> list[int]:
    return [SYMBOLS[symbol] for symbol in sounds]


@cache
def _backend(language: str, tie: bool) -> EspeakBackend:
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend(language, preserve_punctuation=True, with_stress=True, tie=tie, logger=_log)

"""A written text as what is to be said: word by word, with nothing in it that is not speech. Pure.

Tags, stage directions, markup, emoji and control characters make no sound; numbers, abbreviations and symbols are
spelled out. Each word keeps the slice of the text that it stands for, so that captions show what was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .spelling import APART, DIALLED, EMERGENCIES, MONTHS, NUMBERED, ROMAN, Around, roman, spelled


@dataclass(frozen=True, slots=True)
class Saying:
    """A word of the text as written, and what to say for it (several words, or none)."""

    written: str
    said: str


_TAG = re.compile(r"&#?\w{1,8};|</?[A-Za-z!?][^<>]{0,300}>|<\|[^<>|]{0,80}\|>|\[[^\[\]]{0,120}\]|\{[^{}]{0,120}\}")
_ACTS = (
    "sigh|laugh|chuckle|giggle|smil|nod|hug|paus|whisper|breath|gasp|cough|sniff|sob|cry|crie|wink|grin|shrug|softly|gently|warmly"
    "|quietly|clears|takes a|leans|smirk|yawn|hum|silence|beat"
)
_DIRECTION = re.compile(
    rf"\((?:{_ACTS})[^()]{{0,40}}\)|\*(?:{_ACTS})[^*]{{0,40}}\*|_(?:{_ACTS})[^_]{{0,40}}_", re.IGNORECASE
)
_FACE = re.compile(r"(?<![\w])(?:[:;=8xX][-'^o]?[()\[\]DPpOo3/\\|*]+|<3+|</3|\^_\^|-_-|[oO]_[oO]|T_T)(?!\w)")
_LINK = re.compile(r"(?:https?://|www\.)(?P<host>[\w.-]+)\S*", re.IGNORECASE)
_MAIL = re.compile(r"(?P<name>[\w.+-]+)@(?P<host>[\w-]+(?:\.[\w-]+)+)")
_SYMBOLS = {
    "&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "%": " percent ", "°": " degrees ", "×": " times ", "÷": " over ",
    "½": " one half ", "¼": " one quarter ", "¾": " three quarters ", "/": " ", "’": "'", "‘": "'", "…": "...", "–": " — ", "−": "-",
}  # fmt: skip
_ABBREVIATIONS = {
    "dr": "doctor", "mr": "mister", "mrs": "missus", "ms": "miz", "prof": "professor", "jr": "junior", "sr": "senior", "vs": "versus",
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "approx": "approximately", "a.m": "AM", "p.m": "PM", "dept": "department",
    "est": "established", "inc": "incorporated", "ltd": "limited", "ave": "avenue", "blvd": "boulevard", "jan": "January", "feb": "February",
    "aug": "August", "sept": "September", "oct": "October", "nov": "November", "dec": "December", "w/o": "without", "w/": "with",
    "b/c": "because", "u.s": "U S", "u.k": "U K", "ph.d": "P H D", "asap": "A SAP", "ok": "okay", "am": "am", "pm": "PM",
    "idk": "I don't know", "tbh": "to be honest", "btw": "by the way", "imo": "in my opinion", "ngl": "not gonna lie", "thx": "thanks",
    "pls": "please", "plz": "please", "ily": "I love you",
}  # fmt: skip
_ALWAYS = frozenset(
    "mr mrs ms w/o w/ b/c ok e.g i.e a.m p.m u.s u.k ph.d vs etc pm dr prof idk tbh btw imo ngl thx pls plz ily".split()  # noqa: SIM905
)
"""Abbreviations without their full stop, too."""
_LETTERS = frozenset("ER ICU IVF IBS STI FAQ IOU RIP POV PTA IEP ETA IUD".split())  # noqa: SIM905
"""Abbreviations that espeak-ng takes for words."""
_MONTHS = {
    **{month.lower(): month for month in MONTHS},
    **{month[:3].lower(): month for month in MONTHS},
    "sept": "September",
}
_DATED = frozenset("on from of until till since by before after the to and born".split())  # noqa: SIM905
"""Words after which "3 May" is a day."""
_LISTED = ",;.!?"
_PHONE = re.compile(r"\d{3}-\d{4}|\d{3}-\d{3}-\d{4}|\+?\d+")
_TITLES = frozenset("dr mr mrs ms prof st".split())  # noqa: SIM905
_EDGES = re.compile(
    r"^(?P<open>(?:[\"'“”‘(\[*_~`>|]|#(?!\d))*)(?P<core>.*?)(?P<close>[\"'”’)\]*_~`|.,;:!?…—-]*)$", re.DOTALL
)
_SPOKEN_MARKS = set(".,;:!?—\"'“”()…")
_LATIN_OR_MARK = re.compile(r"[A-Za-z]")


def script(text: str, *, american: bool = True) -> tuple[Saying, ...]:
    """The words of `text`, in order. A word that makes no sound (an emoji) is left out."""
    masked = _masked(text)
    spans = [match.span() for match in re.finditer(r"\S+", masked)]
    bare = [masked[start:end].strip("\"'“”‘’().,;:!?…*_").lower() for start, end in spans]
    sayings: list[Saying] = []
    money, dialled = "", _dialled([masked[start:end] for start, end in spans], bare)
    for i, (start, end) in enumerate(spans):
        after = bare[i + 1] if i + 1 < len(bare) else ""
        named = i > 0 and masked[slice(*spans[i - 1])][:1].isupper()
        around = Around(tuple(bare[max(0, i - 2) : i]), after, american, digits=i in dialled, named=named)
        said = _said(masked[start:end], around)
        money, said = _money_behind(masked[start:end], around, said, money)
        if said:
            sayings.append(Saying(text[start:end], said))
        elif sayings and (mark := _mark(masked[start:end])):
            before = sayings[-1]
            joined = before.said if before.said[-1:] in ".,;:!?—" else before.said + mark
            sayings[-1] = Saying(before.written, joined)
    return tuple(sayings)


def _dialled(written: Sequence[str], words: Sequence[str]) -> set[int]:
    """Which words are numbers to be said digit by digit: groups of a telephone number, and what one calls or texts."""
    found: set[int] = set()
    run: list[int] = []
    for i, word in enumerate([*words, ""]):
        if _PHONE.fullmatch(word):
            run.append(i)
            if written[i][-1] not in _LISTED:
                continue
        if _is_dialled([words[j] for j in run], words[max(0, run[0] - 2) : run[0]] if run else ()):
            found.update(run)
        run = []
    return found


def _is_dialled(run: Sequence[str], before: Sequence[str]) -> bool:
    if len(run) > 1:
        return sum(len(word) for word in run) >= 6
    if not run:
        return False
    number = run[0]
    local = "-" in number and (number.count("-") > 1 or number[4] == "0" or not number.endswith("0"))
    return local or number in EMERGENCIES or (len(number) > 2 and bool(DIALLED & set(before)))


def foreign(text: str) -> bool:
    """Whether there are letters in the text, and none that an English voice can say."""
    letters = [symbol for symbol in _masked(text) if symbol.isalpha()]
    return bool(letters) and not any(_sayable(symbol) for symbol in letters)


def _masked(text: str) -> str:
    """The text with what is not speech blanked out, letter for letter."""
    for pattern in (_TAG, _DIRECTION, _FACE):
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    return "".join(" " if _silent(symbol) else symbol for symbol in text)


def _silent(symbol: str) -> bool:
    if symbol in _SYMBOLS or symbol in "$£€¥₹":
        return False
    category = unicodedata.category(symbol)
    return category[0] in "CZ" or category in ("So", "Sk", "Sm", "Me") or symbol in "\ufe0e\ufe0f\\^|~`<>{}[]"


def _sayable(symbol: str) -> bool:
    return bool(_LATIN_OR_MARK.match(unicodedata.normalize("NFKD", symbol)[:1])) or symbol in "ßæøœðþıłđŁØÆŒĐ"


def _said(word: str, around: Around) -> str:
    bare = word.rstrip(".,;:!?)")
    if link := _LINK.fullmatch(bare):
        return link["host"].removeprefix("www.").strip(".").replace(".", " dot ") + _closing(word[len(bare) :])
    if mail := _MAIL.fullmatch(bare):
        return f"{mail['name']} at {mail['host']}".replace(".", " dot ") + _closing(word[len(bare) :])
    parts = _EDGES.match(word)
    assert parts is not None  # the pattern takes anything
    core, close = parts["core"], parts["close"]
    if core in _LETTERS:
        return " ".join(core) + _closing(close)
    if core in ROMAN and around.before and (around.named or around.before[-1] in NUMBERED):
        return roman(core, around.before[-1]) + _closing(close)
    if known := _abbreviation(core, close, around):
        ends = close.removeprefix(".") if around.after else close
        return known + ("" if core.lower() in _TITLES else _closing(ends))
    number = core if "½" in core or "¼" in core or "¾" in core else unicodedata.normalize("NFKC", core)
    said = _plain(spelled(number.replace("–", "-"), around))
    return said + _closing(close) if said else ""


def _abbreviation(core: str, close: str, around: Around) -> str:
    key = core.lower()
    before = around.before[-1] if around.before else ""
    if core.isascii() and core.isdigit() and 1 <= int(core) <= 31:
        if before in _MONTHS:
            return spelled(f"{core}th", around)
        if around.after in _MONTHS and before in _DATED:
            return ("" if before == "the" else "the ") + spelled(f"{core}th", around) + " of"
    if key in APART and before and before[-1].isdigit():
        return spelled(before + key, around).removeprefix(spelled(before, around)).strip()
    if key == "in" and close.startswith(".") and around.before[:1] == ("ft",):
        return "inches"
    if key == "st" and close.startswith("."):
        return (
            "saint"
            if not around.before or around.before[-1] in ("at", "in", "to", "the", "of", "on", "from")
            else "street"
        )
    if key == "no" and close == "." and around.after[:1].isdigit():
        return "number"
    if key in _ALWAYS or (close.startswith(".") and key in _ABBREVIATIONS and key not in ("am", "ok")):
        return _ABBREVIATIONS.get(key, "")
    return ""


def _plain(said: str) -> str:
    """Letters of the Latin alphabet, spaces and inner marks alone."""
    for symbol, name in _SYMBOLS.items():
        said = said.replace(symbol, name)
    kept = "".join(symbol if _keep(symbol) else " " for symbol in unicodedata.normalize("NFC", said))
    words = [word.strip("-*_#") for word in kept.split()]
    said = " ".join(word for word in words if any(map(str.isalpha, word)))
    return re.sub(r"[,.;:!?]+(?=\S)", " ", said)


def _keep(symbol: str) -> bool:
    return (symbol.isalpha() and _sayable(symbol)) or symbol in "',.-—"


def _closing(close: str) -> str:
    return "".join(symbol for symbol in close.replace("...", "…") if symbol in ".,;:!?…—")[:1]


def _mark(word: str) -> str:
    """The pause that a word of punctuation alone stands for."""
    return "—" if set(word) & set("—–") or word == "-" else _closing(word)


def _money_behind(word: str, around: Around, said: str, money: str) -> tuple[str, str]:
    """ "$3 million" is said "three million dollars": the currency waits for the next word."""
    if money:
        return "", f"{said} {money}" if said[-1:].isalpha() else f"{said[:-1]} {money}{said[-1:]}"
    if word[:1] in "$£€" and around.after in ("million", "billion", "trillion", "thousand"):
        return {"$": "dollars", "£": "pounds", "€": "euros"}[word[0]], said
    return "", said

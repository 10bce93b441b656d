"""Numbers, times, dates, money and units as they are said in English. Pure; num2words names the numbers.

`spelled` takes one word of a text (no white space in it) and gives what to say for it; the words around it decide
where it is ambiguous: "988" after "call" is said digit by digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from num2words import num2words

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
CURRENCIES = {
    "$": ("dollar", "cent"),
    "£": ("pound", "pence"),
    "€": ("euro", "cent"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
}
SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "bn": "billion",
    "B": "billion",
    "b": "billion",
}
UNITS = {
    "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce", "km": "kilometre",
    "m": "metre", "cm": "centimetre", "mm": "millimetre", "mi": "mile", "ft": "foot", "l": "litre", "ml": "millilitre",
    "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "s": "second", "sec": "second",
    "ms": "millisecond", "mph": "mile an hour", "kmh": "kilometre an hour", "km/h": "kilometre an hour", "gb": "gigabyte",
    "mb": "megabyte", "kcal": "kilocalorie", "yr": "year", "yrs": "year", "wk": "week", "wks": "week", "secs": "second", "°c": "degree Celsius", "°f": "degree Fahrenheit", "°": "degree",
}  # fmt: skip
PLURALS = {"foot": "feet", "mile an hour": "miles an hour", "kilometre an hour": "kilometres an hour",
           "degree Celsius": "degrees Celsius", "degree Fahrenheit": "degrees Fahrenheit"}  # fmt: skip
APART = frozenset("kg mg lb lbs oz km cm mm mi ft ml hr hrs min mins sec secs mph kmh km/h kcal yr yrs wk wks".split())  # noqa: SIM905
"""Units that are one after a space, too."""
DIALLED = frozenset("call text dial ring phone extension code pin number line hotline lifeline".split())  # noqa: SIM905
EMERGENCIES = frozenset({"911", "988"})
"""Numbers that are nothing but telephone numbers."""
NUMBERED = frozenset("war chapter part act type phase volume stage class level section book episode world".split())  # noqa: SIM905
ROMAN = {
    numeral: value for value, numeral in enumerate(
        "II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX".split(), 2  # noqa: SIM905
    )
}  # fmt: skip
LONGEST_DIGITS = 15
"""Longer numbers are said digit by digit."""

_N = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Around:
    """The words before and after, in lower case, without punctuation; `american` puts the month first in dates."""

    before: tuple[str, ...] = ()
    after: str = ""
    american: bool = True
    digits: bool = False
    """Whether this number is said digit by digit."""
    named: bool = False
    """Whether the word before begins with a capital."""


def spelled(word: str, around: Around = Around()) -> str:
    """What to say for a word with digits in it; other words come back as they are."""
    if not any(symbol in "0123456789" for symbol in word):
        return word
    for pattern, say in _RULES:
        if match := pattern.fullmatch(word):
            return say(match, around)
    return " ".join(_run(part, around) for part in re.findall(rf"{_N}|[^\d]+", word))


def _run(part: str, around: Around) -> str:
    return _number(part, around) if part[0].isdecimal() else part.strip("-/:.,+#_=") or ""


def _cardinal(number: str) -> str:
    plain = number.replace(",", "")
    whole, _, decimals = plain.partition(".")
    said = _digits(whole) if len(whole) > LONGEST_DIGITS else str(num2words(int(whole))).replace(",", "")
    return f"{said} point {_digits(decimals)}" if decimals else said


def _digits(number: str) -> str:
    return " ".join(num2words(int(digit)) for digit in number if digit in "0123456789")


def _number(number: str, around: Around) -> str:
    if around.digits or (number.isdigit() and len(number) > 1 and number[0] == "0"):
        return _digits(number)
    if number.isdigit() and len(number) == 4 and 1100 <= int(number) <= 2099:
        return _year(number)
    return _cardinal(number)


def _year(number: str) -> str:
    value = int(number)
    if 2000 <= value <= 2009 or value % 1000 == 0:
        return str(num2words(value))
    rest = value % 100
    tail = "hundred" if rest == 0 else f"oh {num2words(rest)}" if rest < 10 else str(num2words(rest))
    return f"{num2words(value // 100)} {tail}"


def _many(amount: str, one: str) -> str:
    return one if amount.replace(",", "") in ("1", "1.0") else PLURALS.get(one, one + "s")


def _money(match: re.Match[str], around: Around) -> str:
    sign, symbol, amount, scale = match["sign"], match["symbol"], match["amount"].replace(",", ""), match["scale"]
    unit, part = CURRENCIES[symbol]
    minus = "minus " if sign else ""
    large = SCALES.get(scale or "", "") or (
        around.after if around.after in ("million", "billion", "trillion", "thousand") else ""
    )
    if large and not scale:
        return minus + _cardinal(amount)  # the currency comes after the next word
    if large:
        return f"{minus}{_cardinal(amount)} {large} {_plural(unit)}"
    whole, _, cents = amount.partition(".")
    said = f"{_cardinal(whole)} {unit if whole == '1' else _plural(unit)}"
    if len(cents) == 2 and part and int(cents):
        name = part if cents == "01" or part == "pence" else part + "s"
        return (
            f"{minus}{said} and {_cardinal(str(int(cents)))} {name}"
            if int(whole)
            else f"{minus}{_cardinal(str(int(cents)))} {name}"
        )
    return minus + (f"{_cardinal(amount)} {_plural(unit)}" if cents.strip("0") else said)


def _plural(unit: str) -> str:
    return unit if unit == "yen" else unit + "s"


def _clock(match: re.Match[str], around: Around) -> str:
    hour, minute, half = int(match["hour"]), match["minute"], match["half"]
    soon = around.after.replace(".", "") in ("am", "pm")
    said = str(num2words(hour))
    if minute and int(minute):
        said += f" oh {num2words(int(minute))}" if minute[0] == "0" else f" {num2words(int(minute))}"
    elif minute and not half and not soon:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    return said + (f" {half[0].upper()}M" if half else "")


def _date(day: int, month: int, year: str) -> str:
    said = f"{MONTHS[month - 1]} {num2words(day, to='ordinal')}"
    return f"{said}, {_year(year)}" if year else said


def _slashed(match: re.Match[str], around: Around) -> str:
    first, second, year = int(match["a"]), int(match["b"]), match["year"]
    month, day = (first, second) if around.american else (second, first)
    if not (1 <= month <= 12):
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(_cardinal(part) for part in (match["a"], match["b"], year))
    return _date(day, month, year if len(year) == 4 else "20" + year)


def _iso(match: re.Match[str], around: Around) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(_cardinal(part) for part in match.group().split("-"))
    return _date(day, month, match["year"])


def _fraction(match: re.Match[str], around: Around) -> str:
    top, bottom = int(match["top"]), int(match["bottom"])
    if top >= 60 and 30 <= bottom <= 150:
        return f"{num2words(top)} over {num2words(bottom)}"  # blood pressure
    if bottom in (10, 100) and top <= bottom:
        return f"{num2words(top)} out of {num2words(bottom)}"
    if not 0 < top < bottom or bottom not in (2, 3, 4, 5, 6, 8, 10):
        return f"{num2words(top)} {num2words(bottom)}"
    name = {2: "half", 4: "quarter"}.get(bottom) or str(num2words(bottom, to="ordinal"))
    return f"{num2words(top)} {name if top == 1 else 'halves' if bottom == 2 else name + 's'}"


def _unit(match: re.Match[str], around: Around) -> str:
    name = UNITS[match["unit"].lower()]
    minus = "minus " if match["sign"] else ""
    return f"{minus}{_cardinal(match['amount'])} {_many(match['amount'], name)}"


def _range(match: re.Match[str], around: Around) -> str:
    unit = match["rest"]
    if around.digits:
        return f"{_digits(match['a'])}, {_digits(match['b'])}"
    ends = [_number(match[end], around) for end in ("a", "b")]
    return f"{ends[0]} to {ends[1]}" + (" percent" if unit else "")


def _mixed(match: re.Match[str], around: Around) -> str:
    part = {"½": "a half", "¼": "a quarter", "¾": "three quarters"}[match["part"]]
    return f"{_cardinal(match['whole'])} and {part}"


def _height(match: re.Match[str], around: Around) -> str:
    inches = f" {_cardinal(match['inches'])}" if match["inches"] else ""
    return f"{_cardinal(match['feet'])} foot{inches}"


def roman(numeral: str, before: str) -> str:
    """ "Chapter IV" is the fourth of many and called "four"; a king is "the eighth"."""
    value = ROMAN[numeral]
    return str(num2words(value)) if before.lower() in NUMBERED else f"the {num2words(value, to='ordinal')}"


def _decade(match: re.Match[str], around: Around) -> str:
    digits = match["digits"]
    last = str(num2words(int(digits[-2:])))
    tens = "hundreds" if digits.endswith("00") else (last[:-1] + "ies" if last.endswith("y") else last + "s")
    return f"{num2words(int(digits[:2]))} {tens}" if len(digits) == 4 else tens


Say = Callable[[re.Match[str], Around], str]
_UNIT_NAMES = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_RULES: list[tuple[re.Pattern[str], Say]] = [
    (re.compile(r"(?P<whole>\d+)(?P<part>[½¼¾])"), _mixed),
    (re.compile(r"(?P<feet>[3-8])['’](?P<inches>1[01]|\d)?"), _height),
    (re.compile(rf"(?P<sign>-?)(?P<symbol>[$£€¥₹])(?P<amount>{_N})(?P<scale>bn|[kKmMbB])?"), _money),
    (re.compile(r"(?P<hour>[01]?\d|2[0-3])[:.](?P<minute>[0-5]\d)(?P<half>[ap]\.?m\.?)", re.IGNORECASE), _clock),
    (re.compile(r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?P<half>)"), _clock),
    (re.compile(r"(?P<hour>1?\d)(?P<minute>)(?P<half>[ap]\.?m\.?)", re.IGNORECASE), _clock),
    (re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4}|\d\d)"), _slashed),
    (re.compile(r"(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)"), _iso),
    (re.compile(r"(?P<top>\d{1,3})/(?P<bottom>\d{1,3})"), _fraction),
    (re.compile(r"['’]?(?P<digits>(?:1\d|20)\d0|[2-9]0)['’]?s"), _decade),
    (re.compile(r"(?P<n>\d+)(?:st|nd|rd|th)", re.IGNORECASE), lambda m, _: str(num2words(int(m["n"][:LONGEST_DIGITS]), to="ordinal"))),
    (re.compile(rf"(?P<n>[-+]?(?:{_N}))%"), lambda m, a: _signed(m["n"]) + " percent"),
    (re.compile(rf"(?P<sign>-?)(?P<amount>{_N})(?P<unit>{_UNIT_NAMES})", re.IGNORECASE), _unit),
    (re.compile(r"(?P<a>\d{1,4})[-–—](?P<b>\d{1,4})(?P<rest>%?)"), _range),
    (re.compile(rf"#(?P<n>{_N})"), lambda m, a: f"number {_cardinal(m['n'])}"),
    (re.compile(rf"[-−](?P<n>{_N})"), lambda m, a: f"minus {_cardinal(m['n'])}"),
    (re.compile(r"\+?\d[\d-]{6,}\d"), lambda m, a: ", ".join(_digits(part) for part in re.split(r"[-+]+", m.group()) if part)),
    (re.compile(rf"(?P<n>{_N})"), lambda m, a: _number(m["n"], a)),
    (re.compile(r"(?P<n>\d+)x"), lambda m, a: f"{_cardinal(m['n'])} times"),
]  # fmt: skip


def _signed(number: str) -> str:
    return ("minus " if number[0] == "-" else "") + _cardinal(number.lstrip("+-"))

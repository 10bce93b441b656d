"""What is said for what was written: numbers, times, money; never a tag, an emoji or a control character."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.tts.names import NAMES
from affetto.models.tts.phonemes import LISTENING, SYMBOLS, phonemes
from affetto.models.tts.script import foreign, script


def said(text: str, *, american: bool = True) -> str:
    return " ".join(saying.said for saying in script(text, american=american))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Dr. Smith came at 3:30 p.m.", "doctor Smith came at three thirty PM."),
        ("at 7pm, 10:00, or 10:05 AM", "at seven PM, ten o'clock, or ten oh five AM"),
        ("It's 1984, in the 1990s.", "It's nineteen eighty-four, in the nineteen nineties."),
        ("1,000,000 people", "one million people"),
        ("at ፩ or 2", "at or two"),
        ("$5.50 & 20% off", "five dollars and fifty cents and twenty percent off"),
        ("$3 million!", "three million dollars!"),
        ("£1.01 or €2", "one pound and one pence or two euros"),
        ("Call 988 or text 741741.", "Call nine eight eight or text seven four one seven four one."),
        ("call 116 123", "call one one six one two three"),
        ("ring 20 people", "ring twenty people"),
        ("12/05/2024", "December fifth, twenty twenty-four"),
        ("May 5, 2024", "May fifth, twenty twenty-four"),
        ("2024-05-12", "May twelfth, twenty twenty-four"),
        ("1/2 of 3/4, 24/7", "one half of three quarters, twenty-four seven"),
        ("2nd of 10-12 days", "second of ten to twelve days"),
        ("-5°C, 3kg, 0.5", "minus five degrees Celsius, three kilograms, zero point five"),
        ("St. James St. is far", "saint James street is far"),
        ("No. 5. No. I won't.", "number five. No. I won't."),
        ("w/o you, e.g. me etc.", "without you, for example me et cetera."),
        ("Mr. Lee, Ph.D., of the U.S.", "mister Lee, P H D, of the U S."),
        ("write a@b.com, see https://x.y/z?q=1.", "write a at b dot com, see x dot y."),
        ("**bold**, `code`, ~~gone~~ and # title", "bold, code, gone and title"),
        ("<break time='1s'/>hi [laughs] there (sighs) *hugs* *you* &amp;", "hi there you"),
        ("😀 hi 👨\u200d👩\u200d👧, I <3 you :)", "hi, I you"),
        ("it - well — stops", "it— well— stops"),
        ("ﬁne, naïve café", "fine, naïve café"),
        ("She was born on 3 March 1997.", "She was born on the third of March nineteen ninety-seven."),
        ("the 3 May bank holiday; 3 may come", "the third of May bank holiday; three may come"),
        ("Jan. 5th, Feb. 29.", "January fifth, February twenty-ninth."),
        ("The year 2000, 2010 and 2026.", "The year two thousand, twenty ten and twenty twenty-six."),
        ("My blood pressure was 140/90.", "My blood pressure was one hundred and forty over ninety."),
        ("I'd say 7/10.", "I'd say seven out of ten."),
        ("He's 6'2\" and 180 lbs.", "He's six foot two and one hundred and eighty pounds."),
        ("5 ft. 10 in. tall, in 3 hrs, 10 min.", "five feet ten inches tall, in three hours, ten minutes."),
        ("aged 4 and 6½", "aged four and six and a half"),
        ("Call me at 555-0123.", "Call me at five five five, zero one two three."),
        ("(555) 123-4567", "five five five one two three, four five six seven"),
        ("100-1000 people", "one hundred to one thousand people"),
        ("The line is 988, and 911.", "The line is nine eight eight, and nine one one."),
        ("World War II, Henry VIII, chapter IV", "World War two, Henry the eighth, chapter four"),
        ("on an IV in the ICU and ER", "on an IV in the I C U and E R"),
        ("idk, tbh", "I don't know, to be honest"),
        ("$1,200.50", "one thousand two hundred dollars and fifty cents"),
        ("wait... what?!", "wait… what?"),
        ("x\x00y\u200bz", "x y z"),
    ],
)
def test_what_is_written_is_said(written: str, spoken: str) -> None:
    assert said(written) == spoken


def test_dates_follow_the_voices_country() -> None:
    assert said("12/05/2024", american=False) == "May twelfth, twenty twenty-four"


BITS = ["hello", "12", "$5", "3:30", "<b>", "</voice>", "<break/>", "[sad]", "(laughs)", "*sighs*", "😀", "🇬🇧", "\x07"]
ODD = ["\u202e", "你好", "Dr.", "1st", "--", "...", "&", "|", "{", "}", ":)", "9/11", "5%", "1e9", "\ud83d"]
WRITTEN = st.text(max_size=80) | st.lists(st.sampled_from([*BITS, *ODD]), max_size=12).map(" ".join)


@given(text=WRITTEN)
def test_only_speech_is_spoken(text: str) -> None:
    for saying in script(text):
        assert saying.written in text
        assert re.fullmatch(r"[^\W\d_]?[^\d_<>\[\]{}|\\*#~`^\x00-\x1f\x7f-\x9f]*", saying.said), saying
        assert any(map(str.isalpha, saying.said))
        assert not any(ord(symbol) >= 0x2600 for symbol in saying.said)


@given(tag=st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="<>"), max_size=40))
def test_no_tag_is_ever_spoken(tag: str) -> None:
    assert said(f"<a{tag}>hello</a{tag}> you") == "hello you"
    assert said(f"hello [{tag.replace('[', '').replace(']', '')}] you") == "hello you"


@given(text=st.text(max_size=60))
def test_phonemes_are_the_models_whatever_is_written(text: str) -> None:
    assert set(phonemes(said(text))) <= set(SYMBOLS)


def test_sounds_of_listening_are_not_spelled() -> None:
    assert phonemes("Mm-hm.") == LISTENING["mm-hm"] + "."
    assert phonemes("Aww, you.") == "ˈɔ, ju."
    assert set("".join(LISTENING.values())) <= set(SYMBOLS)
    assert phonemes("hmmm") != LISTENING["hmm"]


def test_names_are_said_as_their_bearers_do() -> None:
    assert phonemes("Niamh's mum, Mrs Nguyen.") == "nˈivz mˈʌm, mˈɪsɪz wˈɪn."
    assert phonemes("Maeve met Joaquin") == phonemes("Maeve met") + " wɑkˈin"
    assert set("".join(phonemes(name) for name in NAMES)) <= set(SYMBOLS)
    assert set("".join(NAMES.values())) - {"^", "ː"} <= set(SYMBOLS)


def test_a_flap_is_the_models_own_and_r_comes_once() -> None:
    assert "T" in phonemes("water")
    assert "ɹɹ" not in phonemes("My doctor is Doctor O'Brien, and her MRI costs four euros.")


def test_letters_of_other_scripts_are_told_from_none() -> None:
    assert foreign("привет")
    assert foreign("你好 123")
    assert not foreign("hello 你好")
    assert not foreign("12 ... 😀")

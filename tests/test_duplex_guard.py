"""The guard: what of a chat model's text may be spoken, however it comes in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.models.base import PastTurn
from affetto.pipelines.duplex.guard import Guard

OPENING = "Six years is long, and he rang."


def through(*pieces: str, **options: object) -> str:
    guard = Guard(**options)  # type: ignore[arg-type]
    return ("".join(guard.feed(piece) for piece in pieces) + guard.end()).strip()


@pytest.mark.parametrize(
    ("raw", "spoken"),
    [
        ("That hurts. What did he say?", "That hurts. What did he say?"),
        ("That hurts", "That hurts."),
        ("One. Two. Three.", "One. Two."),
        ("**That** really _hurts_. `Yes`.", "That really hurts. Yes."),
        ("[sad 2; the dog; comfort; validation; gentle]\nOh, that hurts.", "Oh, that hurts."),
        ("<think>be nice</think>Oh, that hurts.", "Oh, that hurts."),
        ("(softly) Oh, that hurts.", "Oh, that hurts."),
        ("Oh, that hurts 😢.", "Oh, that hurts."),
        ("Assistant: That hurts.", "That hurts."),
        ("See https://example.org now.", "See now."),
        ("He came — at last.", "He came, at last."),
        ("Wait... what happened then?", "Wait... what happened then?"),
        ('He said "no." What then?', 'He said "no." What then?'),
        ("# Well,\nthat hurts.", "Well, that hurts."),
        ("That hurts. [and now a line that never", "That hurts."),
        ("That hurts (a bit, and then (more", "That hurts (a bit, and then (more."),
        ("a < b and b > c", "a c."),
        ("", ""),
        ("   ", ""),
        ("<|im_end|>", ""),
    ],
)
def test_only_what_a_voice_should_say_is_left(raw: str, spoken: str) -> None:
    assert through(raw) == spoken


@pytest.mark.parametrize(
    "sentence",
    [
        "When I was your age, I lost a dog too.",
        "I've been there myself.",
        "My own mother was like that.",
        "As a human, I understand.",
        "I'm a real person, you know.",
        "I detect sadness in your voice.",
        "Your voice indicates stress.",
        "Tactics: validation and questioning.",
        "My appraisal is that you're sad.",
        "I know exactly how you feel.",
        "Everything happens for a reason.",
        "As an AI language model, I can't say.",
        "It sounds like you have clinical depression.",
        "You're probably bipolar, I think.",
        "You may have an anxiety disorder.",
        "Stop taking your medication for a while.",
        "You could take twenty pills of that.",
        "A lethal dose would be more than that.",
        "Nobody would blame you if you killed yourself.",
        "I've called an ambulance for you.",
        "I'll send the police to you now.",
        "Just calm down, please.",
        "It could be worse, you know.",
        "Other people have it much worse than you.",
        "You said you feel sad with an intensity of two.",
    ],
)
def test_a_sentence_that_must_not_be_said_ends_the_reply_before_it(sentence: str) -> None:
    assert through(f"{OPENING} {sentence} More of it.") == OPENING
    assert through(f"{sentence} More of it.") == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "When you were little, did he call you that?",
        "Your own mother said that to you?",
        "You took your pills this morning, and it still hurts.",
        "Did the doctor say it's depression?",
        "Have you called an ambulance?",
        "You've been through a lot with your medication.",
        "It was worse than you had hoped.",
        "I'd love to hear about your dog.",
        "You calmed him down, and nobody else could.",
        "It's the reason that she rang, then.",
    ],
)
def test_sentences_that_only_resemble_those_are_said(sentence: str) -> None:
    assert through(sentence) == sentence


@pytest.mark.parametrize(
    ("reply", "spoken"),
    [
        ("You pressed like. You're still a coward.", "You pressed like."),
        ("You pressed like. You're not a coward.", "You pressed like. You're not a coward."),
        ("You wrote a list. That's a real thing, and it's no joke.", "You wrote a list."),
        ("She asked for the recipe. That's a very serious question.", "She asked for the recipe."),
        ("That must hurt. I'll stay with you in the shower.", "That must hurt."),
        ("I'll stay with you while you wait.", "I'll stay with you while you wait."),
    ],
)
def test_what_people_call_themselves_and_hollow_words_are_not_said_back(reply: str, spoken: str) -> None:
    assert through(reply) == spoken


def test_what_was_said_or_heard_is_not_said_again() -> None:
    past = (PastTurn("hi", None, None, "That must have been hard for you. Tell me more."),)
    assert through("Oh. That must have been hard for you. And then?", past=past) == "Oh."
    assert through("My dog died last night. Oh no.", heard="my dog died last night") == ""
    assert through("Yes. Yes. No.", past=past) == "Yes. Yes."


def test_a_reply_ends_at_its_sentence_and_word_limits() -> None:
    one, two, three = (" ".join([word] * 30) + "." for word in ("one", "two", "three"))
    assert through(f"{one} {two} {three}", max_words=40, max_sentences=5) == f"{one} {two}"
    guard = Guard(max_sentences=1)
    guard.feed("One. ")
    assert guard.done
    assert guard.feed("Two. ") == ""
    assert guard.end() == ""


def test_a_sentence_without_an_end_is_cut_at_a_clause() -> None:
    rambling = "and then, " * 200
    said = through(rambling, max_words=20)
    assert len(said.split()) <= 41


def test_clauses_leave_as_soon_as_they_are_whole() -> None:
    guard = Guard()
    assert guard.feed("Oh, that") == "Oh, "
    assert guard.feed(" hurts. ") == "that hurts. "


FRAGMENTS = """\
Oh, that hurts. |What then? |[sad 2; dog; |comfort] |<think>|</think>|(softly) |**bold** |When I was young, |I lost.
|... |?! |— |\n|Assistant: |😢|He said "no." |3.5 km, |https://x.y/z |<im_end>|a| b|{x}|`c` |, |; |word. |[|]|(|)
"""
PIECES = st.lists(st.sampled_from(FRAGMENTS.split("|")), max_size=14)


@settings(max_examples=400)
@given(PIECES, st.lists(st.integers(0, 200), max_size=12))
def test_what_comes_out_does_not_depend_on_how_the_text_was_cut(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    ends = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(ends)]
    assert through(*pieces) == through(text)
    assert through(*text) == through(text)


@given(st.text(max_size=200))
def test_no_markup_and_no_control_ever_leaves(text: str) -> None:
    said = through(text)
    assert not set(said) & set("<>[]{}*_`#|\n\t\x00")

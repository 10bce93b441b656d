"""Which facts are taken from what people say - and, above all, which are not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.models.base import Appraisal
from affetto.models.labels import Emotion, Need, Risk, Tactic, Tone
from affetto.pipelines.memory.clauses import statements
from affetto.pipelines.memory.facts import Kind, extract
from affetto.pipelines.memory.wording import others


def appraisal(cause: str = "", intensity: int = 2, risk: Risk = Risk.NONE) -> Appraisal:
    return Appraisal(Emotion.SAD, intensity, cause, Need.COMFORT, False, risk, (Tactic.PARAPHRASING,), Tone.GENTLE)


@pytest.mark.parametrize(
    ("said", "kind", "kept"),
    [
        ("Hi, my name's Priya. I'm waiting for the bus.", Kind.NAME, "is called Priya"),
        ("Call me Al.", Kind.NAME, "is called Al"),
        ("My sister Maria is getting married in June.", Kind.PERSON, "sister Maria is getting married in June"),
        ("So, um, my nan died last week.", Kind.PERSON, "nan died last week"),
        ("My son's in prison. When people ask, I say he's away.", Kind.PERSON, "son is in prison"),
        ("Eat cake with my friend Noor and play outside.", Kind.PERSON, "friend is called Noor"),
        ("I've got a dog called Biscuit.", Kind.PERSON, "has got a dog called Biscuit"),
        ("I'm thirty-three, I can't keep up.", Kind.PERSON, "is thirty-three"),
        ("I- I work nights.", Kind.WORK, "works nights"),
        ("I teach recorder to seven-year-olds.", Kind.WORK, "teaches recorder to seven-year-olds"),
        ("Well, I'm a student midwife.", Kind.WORK, "is a student midwife"),
        ("I live alone with my plants.", Kind.PLACE, "lives alone with their plants"),
        ("I'm eight weeks pregnant and I'm scared.", Kind.HEALTH, "is eight weeks pregnant"),
        ("I'm allergic to peanuts.", Kind.HEALTH, "is allergic to peanuts"),
        ("I finally passed my driving test!", Kind.EVENT, "finally passed their driving test"),
        ("I lost my job.", Kind.EVENT, "lost their job"),
        ("We broke up.", Kind.EVENT, 'said "We broke up"'),
        ("I have an MRI next week and I hate it.", Kind.PLAN, "has an MRI next week"),
        ("I'm so nervous about my job interview on Friday.", Kind.PLAN, "job interview on Friday"),
        ("My biopsy's on Thursday.", Kind.PLAN, "biopsy is on Thursday"),
        ("I love frogs.", Kind.PREFERENCE, "loves frogs"),
        ("Remember that I don't drink.", Kind.PREFERENCE, "doesn't drink"),
        ("Don't tell me to calm down.", Kind.WISH, 'said "Don\'t tell me to calm down"'),
    ],
)
def test_what_is_stated_is_kept_in_the_persons_own_words(said: str, kind: Kind, kept: str) -> None:
    assert (kind, kept) in [(fact.kind, fact.text) for fact in extract(said)]


@pytest.mark.parametrize(
    "said",
    [
        "Do you think I lost my job?",
        "If I lost my job I'd cry.",
        "I might be pregnant.",
        "She said, I lost my job.",
        "I dreamt I lost my job.",
        "He goes, my wife's pregnant, like it's nothing.",
        '"My dog died," he told me.',
        "I'm a mess. I'm a failure.",
        "I hate him. I hate everything. I love it.",
        "I love you.",
        "I have a feeling about this.",
        "I have a mother, she'd cry.",
        "My mother remembered my name today.",
        "The debt people call me five times a day.",
        "I work every day and there's nothing in there.",
        "I'm fine. I'm tired. I'm good at this.",
        "I had my chem test today and now I don't!",
        "",
        "...",
    ],
)
def test_guesses_questions_and_other_peoples_words_are_not_facts(said: str) -> None:
    assert extract(said) == []


def test_a_day_that_passes_is_marked() -> None:
    assert [fact.timed for fact in extract("I have an exam tomorrow. I love frogs.")] == [True, False]


def test_what_a_strong_feeling_was_about_weighs_more() -> None:
    said = "My dog died this morning. I love frogs."
    plain, felt = extract(said), extract(said, appraisal("my dog died"))
    assert felt[0].importance > plain[0].importance
    assert felt[1].importance == plain[1].importance
    assert extract(said, appraisal("my dog died", intensity=1)) == plain


def test_nothing_said_in_a_crisis_is_kept() -> None:
    assert extract("My dog died. I want to die.", appraisal("my dog died", 3, Risk.CRISIS)) == []


def test_a_fact_is_kept_once() -> None:
    assert len(extract("I love frogs. Really, I love frogs!")) == 1


WORDS = (
    "I I'm my our we work live have lost love hate dog sister Rania at in with and but said if a the job house London "
    "tomorrow died is was called name um , . ! ?"
)
GRAMMAR = "is has will called said they are their them s m ve re ll doesn t does"
SENTENCES = st.lists(st.sampled_from(WORDS.split()), max_size=30).map(" ".join)


@settings(deadline=None)
@given(SENTENCES | st.text(max_size=80))
def test_nothing_is_invented(said: str) -> None:
    """Every word of a fact was said, but for who speaks and the first verb with it."""
    spoken = set(re.findall(r"[\w-]+", f"{said} {others(said)}".lower()))
    grammar = set(GRAMMAR.split())
    for fact in extract(said):
        for word in re.findall(r"[\w-]+", fact.text.lower()):
            stems = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y"}
            assert stems & spoken or word in grammar, (said, fact.text)


@settings(deadline=None)
@given(SENTENCES)
def test_statements_hold_no_questions(said: str) -> None:
    assert not any("?" in clause for clause in statements(said))


def test_a_flood_of_words_takes_no_time() -> None:
    for flood in ("a" * 20_000, "no " * 7000, "I " * 10_000, "my dog, " * 2500, "it's- " * 3000, "and I " * 3000):
        extract(flood)

"""Other languages: told by plain evidence only, and answered where we can."""

from __future__ import annotations

import pytest

from affetto.models.base import PastTurn
from affetto.pipelines.duplex import languages
from affetto.pipelines.evaluation.empathy import HELD_OUT
from affetto.pipelines.training import corpus


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hola, hoy estoy muy triste.", "es"),
        ("Mein Hund ist gestern gestorben.", "de"),
        ("Je suis très fatigué aujourd'hui.", "fr"),
        ("Ciao, come stai?", "it"),
        ("Estou tão cansado, não consigo dormir.", "pt"),
        ("Ik ben zo moe vandaag.", "nl"),
        ("Namaste, aap Hindi bolte hain kya?", "hi"),
        ("Bugün çok üzgünüm.", "tr"),
        ("Мне очень плохо", "ru"),
        ("今日はとても悲しい", "ja"),
        ("我今天很难过", "zh"),
    ],
)
def test_a_language_is_told_by_its_words_or_its_letters(text: str, language: str) -> None:
    assert languages.foreign(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "Nobody ever calls anymore.",
        "Ha ha ha.",
        "My son died. Die Mutter.",
        "I said hola to Maria, and que sera, sera.",
        "Danke!",
        "",
        "12345 !!",
    ],
)
def test_what_may_be_english_is_taken_for_english(text: str) -> None:
    assert languages.foreign(text) is None


def test_no_english_turn_of_the_corpus_is_taken_for_another_language() -> None:
    found = [e.situation.text for e in corpus.read_file(HELD_OUT) if languages.foreign(e.situation.text)]
    assert len(found) <= 1, found
    assert all("Hindi" in text for text in found)


def test_the_voice_says_what_it_speaks_and_says_it_differently_the_second_time() -> None:
    first = languages.excuse("Estoy muy triste.", (), written=False, any_written=False)
    assert first == languages.SPOKEN_LINES[0]
    past = (PastTurn("Estoy muy triste.", None, None, first),)
    assert languages.excuse("No sé qué hacer hoy.", past, written=False, any_written=True) == languages.SPOKEN_LINES[1]


def test_written_turns_are_answered_in_their_language_where_the_model_can() -> None:
    assert languages.excuse("Estoy muy triste.", (), written=True, any_written=False) is None
    assert languages.excuse("Мне очень плохо", (), written=True, any_written=True) is None
    assert languages.excuse("Мне очень плохо", (), written=True, any_written=False) == languages.TABLE["ru"]["excuse"]
    greek = languages.excuse("Είμαι πολύ λυπημένος", (), written=True, any_written=False)
    assert greek == languages.WRITTEN_ELSE

"""When a Whisper decode is not to be believed: by table."""

from __future__ import annotations

import pytest

from affetto.models.asr.whisper_text import is_loop, undoubled


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("Well, I'm going as an engineer. Well, I'm going as an", "Well, I'm going as an engineer."),
        ("My number is KG60. My number is KG60. My number is", "My number is KG60."),
        ("I lost my keys. I lost my keys.", "I lost my keys."),
        ("no, no, no", "no, no, no"),
        ("I know, I know", "I know, I know"),
        ("I lost my keys and my", "I lost my keys and my"),
        ("", ""),
    ],
)
def test_what_the_decoder_says_again_is_left_out(heard: str, said: str) -> None:
    words = heard.split()
    assert " ".join(words[: undoubled(words)]) == said


@pytest.mark.parametrize(
    ("heard", "loops"),
    [
        ("BEEP BEEP BEEP BEEP BEEP", True),
        ("BEEP BEEP BEEP BEEP BEEP B", True),
        ("and then thank you. thank you. thank you. thank you. thank you. thank", True),
        ("it goes on and on and on and on and on and on", True),
        ("B-B-B-B-B-B", True),
        ("no no no I don't want", False),
        ("BEEP BEEP BEEP BEEP", False),
        ("a b c d e f", False),
        ("I want to go home now n", False),
        ("", False),
    ],
)
def test_a_decoder_that_goes_round_in_circles_is_noticed(heard: str, loops: bool) -> None:
    assert is_loop(heard) is loops

"""When a Whisper decode is not to be believed: by table."""

from __future__ import annotations

import pytest

from affetto.models.asr.whisper_text import undoubled


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

"""No relatives that nobody mentioned."""

from __future__ import annotations

import pytest

from affetto.pipelines.duplex.grounding import KIN, unfounded
from affetto.pipelines.duplex.guard import Guard


@pytest.mark.parametrize(
    ("sentence", "known", "expected"),
    [
        ("You and your wife had nothing.", "Old photos from our first flat.", True),
        ("You and your wife had nothing.", "Old photos from before we got married.", False),
        ("Is your husband at home?", "I can't hear you over the telly.", True),
        ("What did your mum say?", "My parents called.", False),
        ("What did your mum say?", "My mother-in-law called.", False),
        ("What did your sister say?", "My brother and I fell out.", True),
        ("Your son sounds lovely.", "My grandson drew me a card.", False),
        ("What did your friend say?", "I had a bad day.", False),
    ],
)
def test_a_relative_needs_somebody_to_stand_for(sentence: str, known: str, expected: bool) -> None:
    assert unfounded(sentence, known) is expected


def test_each_row_allows_for_its_own_words() -> None:
    for row in KIN:
        assert not unfounded(f"How is your {row[0]}?", f"My {row[0]} called.")


def test_the_guard_ends_the_reply_before_such_a_sentence() -> None:
    guard = Guard(known="Old photos from our first flat.")
    said = guard.feed("What a find. You and your wife, and nothing. ") + guard.end()
    assert said.strip() == "What a find."
    assert guard.done

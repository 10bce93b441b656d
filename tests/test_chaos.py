"""A few random kills in every run; `make chaos` does a hundred."""

from __future__ import annotations

from chaos import chaos


def test_nothing_is_lost_and_everybody_goes_on_whatever_is_killed() -> None:
    toll = chaos(kills=8, sessions=5, seed=7)
    assert toll.fine, toll.record()
    assert sum(toll.kills.values()) == 8
    assert toll.answers["completed"] > 5
    assert toll.facts_confirmed > 0

"""The loudspeaker: what sounds, when, and how much of which answer."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.clients.playout import DUCK_GAIN, Playout

BLOCK = 480


def audio(samples: int, level: int = 1000, item: str = "a") -> dict[str, Any]:
    data = np.full(samples, level, "<i2").tobytes()
    return {"type": "response.output_audio.delta", "item_id": item, "delta": base64.b64encode(data).decode()}


def done(status: str) -> dict[str, Any]:
    return {"type": "response.done", "response": {"status": status}}


STARTED = {"type": "input_audio_buffer.speech_started"}
WHOLE = {"type": "response.output_audio.done"}
DUCK, HOLD, RESUME = ({"type": f"empathy.{kind}"} for kind in ("duck", "hold", "resume"))


def fed(*events: dict[str, Any], **options: Any) -> Playout:
    playout = Playout(**options)
    for event in events:
        playout.take(event)
    return playout


def test_audio_comes_out_in_order_and_is_silence_where_there_is_none() -> None:
    playout = fed(audio(300, 1), audio(300, 2))

    first, second = playout.fill(BLOCK), playout.fill(BLOCK)

    assert first.tolist() == [1] * 300 + [2] * 180
    assert second.tolist() == [2] * 120 + [0] * 360
    assert (playout.item_id, playout.played, playout.waiting) == ("a", 600, 0)


def test_counts_each_answer_by_itself() -> None:
    playout = fed(audio(BLOCK), audio(BLOCK, item="b"))

    playout.fill(BLOCK)
    assert (playout.item_id, playout.played_ms) == ("a", 20)
    playout.fill(BLOCK)
    assert (playout.item_id, playout.played_ms) == ("b", 20)


@pytest.mark.parametrize("event", [STARTED, done("cancelled")], ids=["speech started", "answer cancelled"])
def test_the_users_speech_throws_away_what_was_not_played(event: dict[str, Any]) -> None:
    playout = fed(audio(10 * BLOCK))
    playout.fill(BLOCK)

    playout.take(event)

    assert not playout.fill(BLOCK).any()
    assert (playout.played, playout.flushed) == (BLOCK, 9 * BLOCK)


def test_a_finished_answer_is_played_out() -> None:
    playout = fed(audio(2 * BLOCK), WHOLE, done("completed"))

    assert playout.fill(2 * BLOCK).all()


def test_ducks_holds_and_goes_on_from_the_same_sample() -> None:
    playout = fed(audio(10 * BLOCK), DUCK)

    assert playout.fill(BLOCK)[0] == 1000
    assert playout.fill(BLOCK).tolist() == [int(1000 * DUCK_GAIN)] * BLOCK
    playout.take(HOLD)
    assert not playout.fill(BLOCK).any()
    playout.take(RESUME)
    assert playout.fill(BLOCK)[-1] == 1000
    assert playout.played == 3 * BLOCK


def test_a_plain_client_does_not_know_our_events() -> None:
    playout = fed(audio(10 * BLOCK), DUCK, HOLD, follows=False)

    assert playout.fill(BLOCK).tolist() == [1000] * BLOCK


def test_the_next_answer_sounds_at_full_voice_after_a_flush() -> None:
    playout = fed(audio(10 * BLOCK), DUCK, HOLD, STARTED, audio(BLOCK, item="b"))

    assert playout.fill(BLOCK).tolist() == [1000] * BLOCK


def test_waits_for_some_audio_before_it_begins_but_not_for_a_short_answer() -> None:
    playout = fed(audio(BLOCK), jitter_ms=40)

    assert not playout.fill(BLOCK).any()
    playout.take(audio(BLOCK))
    assert playout.fill(BLOCK).all()

    short = fed(audio(100), WHOLE, jitter_ms=40)
    assert short.fill(BLOCK)[:100].all()


def test_small_sounds_of_listening_go_on_top_and_are_no_answer() -> None:
    murmur = {**audio(300, 500), "type": "empathy.backchannel"}
    playout = fed(audio(BLOCK), murmur)

    block = playout.fill(BLOCK)

    assert block.tolist() == [1500] * 300 + [1000] * 180
    assert playout.played == BLOCK


PIECES = st.lists(st.integers(1, 2000), max_size=8)


@given(PIECES, st.lists(st.integers(1, 1500), max_size=12), st.integers(0, 60))
def test_nothing_is_lost_or_played_twice(pieces: list[int], fills: list[int], jitter_ms: int) -> None:
    playout, start = Playout(jitter_ms=jitter_ms), 1
    for samples in pieces:
        ramp = np.arange(start, start + samples).astype("<i2")
        start += samples
        event = {**audio(0), "delta": base64.b64encode(ramp.tobytes()).decode()}
        playout.take(event)
    playout.take(WHOLE)

    sounded = np.concatenate([playout.fill(count) for count in fills]) if fills else np.zeros(0, np.int16)

    expected = np.arange(1, start)[: sum(fills)]
    assert sounded[: len(expected)].tolist() == expected.tolist()
    assert not sounded[len(expected) :].any()
    assert playout.played + playout.waiting == sum(pieces)

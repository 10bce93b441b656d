"""Pacing, ducking, holding, and the count of what was played."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.pipelines.duplex.pacing import DUCK_GAIN, RAMP_S, AudioPiece, Pacer, TextPiece

RATE = 24_000


def audio(seconds: float, value: int = 10_000) -> np.ndarray:
    return np.full(int(seconds * RATE), value, np.int16)


def released(seconds: float, lead_s: float = 0.2) -> Pacer:
    pacer = Pacer(lead_s=lead_s)
    pacer.add_audio(audio(seconds), RATE)
    pacer.release()
    return pacer


def taken(pacer: Pacer, now: float) -> int:
    return sum(len(piece.samples) for piece in pacer.due(now) if isinstance(piece, AudioPiece))


def pumped(pacer: Pacer, until: float) -> int:
    """Samples that leave when the pacer is looked at every 100 ms."""
    return sum(taken(pacer, step / 10) for step in range(round(until * 10) + 1))


def test_nothing_leaves_before_release() -> None:
    pacer = Pacer()
    pacer.add_text("hello")
    pacer.add_audio(audio(1), RATE)
    assert not pacer.due(5)
    assert pacer.next_due() is None
    pacer.release()
    assert pacer.due(5)[0] == TextPiece("hello")


@given(steps=st.lists(st.floats(0.001, 0.3), min_size=1, max_size=60), lead=st.sampled_from([0.1, 0.2, 0.5]))
def test_no_more_leaves_than_the_lead_allows_and_all_of_it_in_the_end(steps: list[float], lead: float) -> None:
    pacer, now, sent = released(3, lead), 0.0, 0
    start = None
    for step in steps:
        sent += taken(pacer, now)
        start = now if start is None and sent else start
        assert sent / RATE <= (now - (start or 0.0)) + lead + 0.1 + 1e-6
        assert pacer.played(now) <= sent
        now += step
    for extra in range(80):
        sent += taken(pacer, now + extra * 0.1)
    assert sent == 3 * RATE


def test_a_ducked_voice_is_lower_without_a_step() -> None:
    pacer = released(1)
    pacer.due(0)
    pacer.duck()
    (piece,) = pacer.due(0.15)[:1]
    assert isinstance(piece, AudioPiece)
    assert piece.samples[-1] == pytest.approx(10_000 * DUCK_GAIN, rel=0.01)
    assert np.abs(np.diff(piece.samples.astype(int))).max() < 200, "no click"


def test_resuming_goes_on_from_the_same_sample_and_counts_no_silence() -> None:
    pacer = released(3)
    sent = pumped(pacer, 0.5)
    pacer.hold(0.5)
    assert not taken(pacer, 1.9)
    assert pacer.played(1.9) == sent, "what had left was played out"
    pacer.resume(2.0)
    sent += taken(pacer, 2.0)
    assert pacer.played(2.0) <= sent
    assert pacer.played(2.05) - pacer.played(2.0) == pytest.approx(0.05 * RATE, abs=2)


@given(
    lengths=st.lists(st.integers(1, 5000), min_size=1, max_size=12),
    orders=st.lists(st.sampled_from(["duck", "resume", "hold", "wait"]), min_size=1, max_size=12),
)
def test_the_gain_never_steps_and_every_sample_leaves_once(lengths: list[int], orders: list[str]) -> None:
    pacer, now = Pacer(lead_s=0.1), 0.0
    for length in lengths:
        pacer.add_audio(np.full(length, 30_000, np.int16), RATE)
    pacer.release()
    left: list[np.ndarray] = []
    fresh: list[int] = []
    for order in [*orders, "resume", *["wait"] * 40]:
        if order == "duck":
            pacer.duck()
        elif order == "hold":
            pacer.hold(now)
        elif order == "resume":
            pacer.resume(now)
        held = order == "resume"
        for piece in pacer.due(now):
            assert isinstance(piece, AudioPiece)
            fresh += [len(left)] if held else []
            held = False
            left.append(piece.samples)
        now += 0.08
    assert sum(map(len, left)) == sum(lengths)
    step = 30_000 / (RAMP_S * RATE) + 2
    for i, samples in enumerate(left):
        assert np.abs(np.diff(samples.astype(int))).max(initial=0) <= step
        if i and i not in fresh:
            assert abs(int(samples[0]) - int(left[i - 1][-1])) <= step


def test_a_voice_that_was_held_comes_out_of_silence_at_the_next_sample() -> None:
    pacer = Pacer(lead_s=0.1)
    pacer.add_audio(np.arange(20_000, dtype=np.int16), RATE)
    pacer.release()
    before = [p.samples for p in pacer.due(0.0) if isinstance(p, AudioPiece)]
    pacer.hold(0.1)
    pacer.resume(1.0)
    after = next(p.samples for p in pacer.due(1.0) if isinstance(p, AudioPiece))
    at = sum(map(len, before))
    assert int(after[0]) < at * 0.01
    assert int(after[-1]) == at + len(after) - 1


def test_a_client_that_holds_too_keeps_its_place() -> None:
    pacer = released(3)
    pumped(pacer, 0.5)
    pacer.hold(0.5, client_holds=True)
    assert pacer.played(1.5) == pytest.approx(0.5 * RATE, abs=2)
    pacer.resume(2.0)
    assert pacer.played(2.0) == pytest.approx(0.5 * RATE, abs=2)


def test_the_clients_own_report_counts_more_than_our_clock() -> None:
    pacer = released(3)
    pumped(pacer, 1.0)
    pacer.report(400, 1.0)
    assert pacer.played(1.0) == pytest.approx(0.4 * RATE, abs=30)
    assert pacer.played(1.1) == pytest.approx(0.5 * RATE, abs=30)
    pacer.report(10**9, 1.2)
    assert pacer.played(1.2) == pacer.sent


def test_a_late_reply_restarts_the_clients_clock() -> None:
    pacer = released(0.2)
    taken(pacer, 0)
    pacer.add_audio(audio(0.2), RATE)
    taken(pacer, 5.0)
    assert pacer.played(5.1) == pytest.approx(0.3 * RATE, abs=2)

"""The measurement itself: its statistics by tables, its acts by lines played in virtual time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.clients.bench import acts, calls, material, processes, report
from affetto.clients.bench.material import Sound
from affetto.clients.bench.outcomes import Asked, Interrupted, Murmured, Noised, Outcome, Paused, stages
from affetto.clients.errors import UnreadableAudio
from affetto.clients.line import Line
from affetto.clients.playout import Playout
from callers import Caller, delta, live, speech

# -- statistics ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"p50": None, "p90": None, "p95": None, "n": 0}),
        ([400.0], {"p50": 400.0, "p90": 400.0, "p95": 400.0, "n": 1}),
        (list(range(101)), {"p50": 50.0, "p90": 90.0, "p95": 95.0, "n": 101}),
    ],
)
def test_spread(values: list[float], expected: dict[str, Any]) -> None:
    assert report.spread(values) == expected


@pytest.mark.parametrize(
    ("hits", "of", "expected"),
    [(0, 0, None), (0, 10, (0.0, 0.2775)), (5, 10, (0.2366, 0.7634)), (10, 10, (0.7225, 1.0))],
)
def test_interval_is_wilsons(hits: int, of: int, expected: tuple[float, float] | None) -> None:
    assert report.interval(hits, of) == expected


def test_summary() -> None:
    outcomes: list[Outcome] = [
        Asked(400, cut=False, stages_ms={"committed": 200, "edge": 50}, gap_ms=100, cues="whole"),
        Asked(600, cut=False, stages_ms={"committed": 300, "edge": 60}, gap_ms=900, cues="partial"),
        Asked(None, cut=True),
        Asked(None, cut=False),
        Paused(1, 0),
        Paused(1, 1),
        Interrupted(250),
        Interrupted(None),
        Murmured("mm-hmm", stopped=False),
        Murmured("cough", stopped=True),
        Noised("knock", answered=False),
    ]

    figures = report.summary(outcomes)

    assert figures["v2v_ms"] == {"p50": 500.0, "p90": 580.0, "p95": 590.0, "n": 2}
    assert figures["stages_ms"]["edge"]["p50"] == 55.0
    assert (figures["gap_ms"]["p50"], figures["long_gap_rate"]) == (500.0, 0.5)
    assert (figures["heard_how_rate"], figures["heard_how_of"]) == (0.5, 2)
    assert figures["barge_in_stop_ms"]["p95"] == 250.0
    rates = {name: figures[f"{name}_rate"] for name in ("unanswered", "false_cut", "missed_barge_in", "false_barge_in")}
    assert rates == {"unanswered": 0.25, "false_cut": 0.5, "missed_barge_in": 0.5, "false_barge_in": 0.5}
    assert (figures["noise_answer_rate"], figures["noise_answer_of"]) == (0.0, 1)


def test_nothing_measured_is_unknown_and_not_nought() -> None:
    figures = report.summary([])

    assert figures["false_cut_rate"] is None
    assert figures["v2v_ms"]["p50"] is None
    assert report.ratio(figures, figures) is None


def test_load() -> None:
    figures = report.loaded(report.Load(120, 30, 2**30, speculations_used=8, speculations_wasted=2, late_ms=3))

    assert figures == {
        "talk_s": 120,
        "cpu_s_per_min": 15.0,
        "peak_rss_mib": 1024,
        "speculation_hit_rate": 0.8,
        "speculations": 10,
        "client_late_ms": 3,
    }
    unknown = report.loaded(report.Load(0))
    assert [unknown[name] for name in ("cpu_s_per_min", "peak_rss_mib", "speculation_hit_rate")] == [None] * 3


def test_where_the_time_goes() -> None:
    assert stages(500, {"committed": 200, "first_audio": 380}) == {"committed": 200, "first_audio": 380, "edge": 120}
    assert stages(500, {}) == {}


# -- material --------------------------------------------------------------------------------------


def test_what_ships_is_complete() -> None:
    held = material.load()

    assert (len(held.questions), len(held.interruptions)) == (8, 8)
    assert len(held.murmurs) == 14
    assert len(held.noises) == 5
    assert all(0.2 < sound.end_s < 1 for sound in held.murmurs)


def test_a_pause_is_put_inside_a_sentence_where_it_is_quietest() -> None:
    words = np.concatenate([speech(1), np.zeros(2400, np.int16), speech(1)])

    held = material.paused(Sound("a", words), 1.5)

    assert held is not None
    ((start, end),) = held.pauses
    assert start == pytest.approx(1.05, abs=0.05)
    assert (end - start, held.end_s) == pytest.approx((1.5, 3.6))
    assert np.abs(held.pcm[int(start * 24_000) : int(end * 24_000)]).max() < 200
    assert material.paused(Sound("b", speech(1)), 1.5) is None


def test_every_sentence_that_ships_takes_a_pause() -> None:
    cases = material.with_pauses(material.load().questions)

    assert len(cases) >= 7
    assert {round(b - a, 1) for case in cases for a, b in case.pauses} == {0.5, 0.8, 1.1, 1.5}


def test_own_recordings(recordings: Path, tmp_path: Path) -> None:
    held = material.load(recordings)

    assert len(held.questions) == len(held.interruptions) == 5
    assert len(held.murmurs) == 14
    with pytest.raises(UnreadableAudio, match="holds no recordings"):
        material.load(tmp_path)


# -- acts ------------------------------------------------------------------------------------------

QUESTION = Sound("question", speech(1))
DONE = {"type": "response.done", "response": {"status": "completed", "output": [{"id": "a"}]}}
CANCELLED = {"type": "response.done", "response": {"status": "cancelled", "output": [{"id": "a"}]}}
CREATED = {"type": "response.created"}
COMMITTED = {"type": "input_audio_buffer.committed"}
STARTED = {"type": "input_audio_buffer.speech_started"}
BEGIN = acts.BREATH_S
"""When the caller begins to speak; the question ends a second later."""


def outcome(act: acts.Act, *events: tuple[float, dict[str, Any]], follows: bool = True) -> Outcome | None:
    record, line = calls.Record(), Line(Playout(follows=follows))
    live(Caller(*events), line, calls._all(line, [act], record))
    return record.outcomes[0] if record.outcomes else None


def answer(
    at: float, seconds: float, item: str = "a", end: dict[str, Any] = DONE
) -> list[tuple[float, dict[str, Any]]]:
    """An answer of so many seconds that begins at some moment and is sent in real time."""
    pieces = [(at + i * 0.1, delta(0.1, item)) for i in range(round(seconds * 10))]
    return [(at, CREATED), *pieces, (at + seconds, end)]


def test_asking_measures_from_the_end_of_speech_to_the_first_sound() -> None:
    trace = {**DONE, "empathy": {"timings_ms": {"committed": 200, "first_audio": 300}}}
    got = outcome(acts.Ask(QUESTION), (BEGIN + 1.2, COMMITTED), *answer(BEGIN + 1.5, 0.5, end=trace))

    assert isinstance(got, Asked)
    assert got.v2v_ms == pytest.approx(500, abs=20)
    assert got.stages_ms["edge"] == pytest.approx(200, abs=20)
    assert not got.cut


def test_an_answer_that_begins_too_early_is_a_cut() -> None:
    got = outcome(acts.Ask(QUESTION), *answer(BEGIN + 0.5, 0.2), *answer(BEGIN + 2, 0.2, "b"))

    assert got == Asked(None, cut=True)


def test_no_answer() -> None:
    assert outcome(acts.Ask(QUESTION)) == Asked(None, cut=False)


@pytest.mark.parametrize(("committed_at", "cut"), [(0.9, 0), (1.3, 1), (2.05, 1), (2.5, 0)])
def test_a_pause_is_cut_if_the_turn_is_committed_in_it(committed_at: float, cut: int) -> None:
    sentence = Sound("a", np.concatenate([speech(1), np.zeros(24_000, np.int16), speech(1)]), ((1.0, 2.0),))

    got = outcome(acts.Pause(sentence), (BEGIN + committed_at, COMMITTED), *answer(BEGIN + 3.3, 0.2))

    assert got == Paused(1, cut)


SPOKEN_OVER = acts.Interrupt(QUESTION, Sound("no", speech(0.5)), after_ms=500)
ONSET = 2.12
"""When an answer that begins half a second after the question has been heard for 500 ms."""


def test_an_interruption_is_measured_to_the_last_sound() -> None:
    cut_short = [(when, event) for when, event in answer(BEGIN + 1, 3) if when < ONSET + 0.2]
    events = (*cut_short, (ONSET + 0.2, CANCELLED), (ONSET + 0.2, STARTED), *answer(4, 0.5, "b"))

    got = outcome(SPOKEN_OVER, *sorted(events, key=lambda pair: pair[0]))

    assert isinstance(got, Interrupted)
    assert got.stop_ms == pytest.approx(200, abs=45)


def test_an_answer_that_goes_on_missed_the_interruption() -> None:
    assert outcome(SPOKEN_OVER, *answer(BEGIN + 1, 4)) == Interrupted(None)


def test_an_answer_that_is_over_too_soon_tells_nothing() -> None:
    assert outcome(SPOKEN_OVER, *answer(BEGIN + 1, 0.3)) is None
    assert outcome(SPOKEN_OVER, *answer(BEGIN + 1, 0.8)) is None


MURMUR = acts.Murmur(QUESTION, Sound("mm-hmm", speech(0.3)), after_ms=500)


def test_a_murmur_that_stops_the_answer_is_counted() -> None:
    cut_short = [(when, event) for when, event in answer(BEGIN + 1, 3) if when < ONSET + 0.3]

    assert outcome(MURMUR, *cut_short, (ONSET + 0.4, CANCELLED)) == Murmured("mm-hmm", stopped=True)
    assert outcome(MURMUR, *answer(BEGIN + 1, 3)) == Murmured("mm-hmm", stopped=False)
    assert outcome(MURMUR, *answer(BEGIN + 1, 0.8)) is None


def test_an_answer_that_was_held_and_went_on_was_not_stopped() -> None:
    events = [*answer(BEGIN + 1, 3), (ONSET + 0.2, {"type": "empathy.hold"}), (ONSET + 0.7, {"type": "empathy.resume"})]

    assert outcome(MURMUR, *sorted(events, key=lambda pair: pair[0])) == Murmured("mm-hmm", stopped=False)


def test_a_noise_should_not_be_answered() -> None:
    noise = acts.Noise(Sound("knock", speech(0.3)))

    assert outcome(noise) == Noised("knock", answered=False)
    assert outcome(noise, *answer(BEGIN + 1, 0.3)) == Noised("knock", answered=True)


def test_a_plan_has_every_recording_once_a_round() -> None:
    held = material.load()

    assert len(calls.plan(held, ["asks"], rounds=2)) == 16
    planned = calls.plan(held)
    assert {type(act) for act in planned} == {acts.Ask, acts.Pause, acts.Interrupt, acts.Murmur, acts.Noise}
    assert [act for held_acts in calls.chunks(planned) for act in held_acts] == planned


# -- processes -------------------------------------------------------------------------------------


def test_reads_a_process_whose_name_is_hostile() -> None:
    fields = ["S", "7", *["0"] * 9, "10", "20", "1", "2", *["0"] * 6, "500", *["0"] * 28]

    assert processes.parse(f"42 (a) b (c) {' '.join(fields)}") == processes.Stat(parent=7, ticks=33, pages=500)


def test_a_tree_is_all_descendants() -> None:
    stats = {pid: processes.Stat(parent, 1, pid) for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 1), (9, 8))}

    assert sorted(stat.pages for stat in processes.tree(1, stats)) == [1, 2, 3, 4]
    assert processes.tree(77, stats) == []


@pytest.mark.skipif(not processes.PROC.joinpath("self/stat").exists(), reason="there is no /proc here")
def test_a_meter_sees_the_work_of_children() -> None:
    meter = processes.Meter(os.getpid())
    meter.look()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    meter.look()

    assert meter.cpu_s is not None
    assert 0.01 < meter.cpu_s < 20
    assert (meter.peak_rss_bytes or 0) > 10 * 2**20


def test_a_meter_without_a_process_knows_nothing() -> None:
    meter = processes.Meter(None)
    meter.look()

    assert (meter.cpu_s, meter.peak_rss_bytes) == (None, None)

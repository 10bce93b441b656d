"""Load: what a swarm counts, what counts as growth, and a small soak of a real server."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.clients.bench import soak, swarm
from affetto.clients.bench.caller import EXPECTED, Caller, Told, append, frame
from affetto.clients.bench.soak import Look, growth, quantile_ms, verdict
from affetto.clients.bench.swarm import Talk
from affetto.server.__main__ import main
from affetto.server.protocol import decode
from live import running
from virtual import run

TALK = Talk(voice_s=0.5, turn_s=2.0, chunk_ms=20, turns_a_call=2)
FIGURES: dict[str, Any] = {
    "growth": {"tasks": {"level": 10, "growth": 0.1, "grows": False}},
    "lag_p99_ms": 12.0,
    "dropped_events": 0,
    "broken": 0,
    "errors": [],
}


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.4, 5.0), (0.8, 10.0), (0.85, 15.0), (0.9, 20.0), (0.99, 20.0)],
)
def test_quantiles_of_a_histogram_lie_straight_within_their_bucket(share: float, expected: float) -> None:
    before = {0.01: 100.0, 0.02: 100.0, math.inf: 100.0}
    after = {0.01: 180.0, 0.02: 190.0, math.inf: 200.0}
    assert quantile_ms(before, after, share) == pytest.approx(expected)
    assert quantile_ms(after, after, share) is None


@pytest.mark.parametrize(
    ("make", "grows"),
    [
        (lambda x, noise: 100 + noise, False),
        (lambda x, noise: 100 + 30 * x + noise, True),
        (lambda x, noise: 100 - 30 * x + noise, False),
        (lambda x, noise: 100 + 2 * x + noise, False),
        (lambda x, noise: 100 - 60 * np.exp(-20 * x) + noise, False),
        (lambda x, noise: 100 + 10 * np.sin(40 * x) + noise, False),
    ],
    ids=["level", "leak", "shrinking", "less than allowed", "warming up", "waves"],
)
def test_growth_is_a_slope_that_is_sure_and_matters(make: Any, grows: bool) -> None:
    noise = np.random.default_rng(1).normal(0, 2, 600)
    assert growth(make(np.linspace(0, 1, 600), noise).tolist(), 0.05).grows is grows


def test_too_few_looks_tell_no_growth() -> None:
    assert not growth([1.0, 100.0], 0.05).grows


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, []),
        ({"lag_p99_ms": 50.0}, ["50"]),
        ({"lag_p99_ms": None}, ["late"]),
        ({"dropped_events": 2}, ["2 events"]),
        ({"broken": 1}, ["1 calls"]),
        ({"errors": ["internal_error"]}, ["internal_error"]),
        ({"growth": {"tasks": {"level": 10, "growth": 5, "grows": True}}}, ["tasks grows"]),
    ],
)
def test_a_verdict_names_what_does_not_hold(wrong: dict[str, Any], told: list[str]) -> None:
    found = verdict(FIGURES | wrong)
    assert len(found) == len(told)
    assert all(part in text for part, text in zip(told, found, strict=True))


def test_what_a_caller_says_is_what_the_server_reads() -> None:
    for loud in (True, False):
        text = append(20, loud=loud)[8:].decode()
        event: Any = decode(text, new_id=str)
        assert len(event.audio) == 24_000 // 50 * 2
        assert any(event.audio) is loud


def test_events_that_never_came_are_counted() -> None:
    def text(kind: str, number: int) -> bytes:
        payload = f'{{"type": "{kind}", "event_id": "event_sess_0a_{number}"}}'.encode()
        return bytes([0x81, len(payload)]) + payload

    async def main() -> Told:
        caller = Caller("here", "/", {})
        caller._up = True
        stream = b"".join(text(kind, number) for number, kind in enumerate(EXPECTED) if number != 3)
        for at in range(0, len(stream), 7):
            caller.data_received(stream[at : at + 7])
        caller.told.turns = 1
        return caller.told

    told = run(main())
    assert told.missing == 1
    assert told.dropped() == 2, "one is missing by number, and that of the turn"
    assert frame(1, b"x" * 200)[:4] == bytes([0x81, 0xFE, 0, 200])


def test_callers_talk_are_answered_leave_and_are_followed() -> None:
    async def talk(url: str) -> list[Told]:
        callers = swarm.Swarm(url, TALK)
        assert await callers.add(4) == 4
        await callers.talk(6.5)
        await callers.finish()
        await callers.hang_up()
        return callers.told

    with running() as live:
        told = asyncio.run(talk(live.ws))
    assert len(told) > 4
    assert sum(one.turns for one in told) >= 8
    assert [one.dropped() for one in told] == [0] * len(told)
    assert {one.closed and one.closed[0] for one in told} == {1000}
    assert [one.errors for one in told] == [[]] * len(told)
    assert all(200 < ms < 5000 for one in told for ms in one.v2v_ms)


def test_a_full_server_is_counted_and_not_waited_for() -> None:
    async def enter(url: str) -> tuple[int, list[int]]:
        callers = swarm.Swarm(url, TALK)
        entered = await callers.add(3)
        await callers.hang_up()
        return entered, [one.refused for one in callers.told]

    with running(server__sessions=2) as live:
        assert asyncio.run(enter(live.ws)) == (2, [0, 0, 503])


def test_the_command_says_what_it_found_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "load.png"
    pytest.importorskip("matplotlib")
    with running() as live:
        arguments = ["--url", live.ws, "--ramp", "1,2", "--seconds", "1", "--plot", str(picture), "--json"]
        assert main(["soak", *arguments]) == 0
    assert '"sessions": 2' in capsys.readouterr().out
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_the_server_tells_all_that_is_watched() -> None:
    with running() as live:
        look = Look.read(live.get("/metrics").text)
    assert set(look.watched()) == set(soak.WATCHED)
    assert all(value > 0 for value in look.watched().values())
    assert math.inf in look.lag
    assert look.cpu_s > 0


def test_several_workers_count_together_and_are_as_late_as_the_latest() -> None:
    def look(cpu_s: float, tasks: float, late: float) -> Look:
        values = dict.fromkeys(soak.WATCHED.values(), 2.0**20) | {"affetto_tasks": tasks}
        return Look(values | {"process_cpu_seconds_total": cpu_s}, {0.01: 100 - late, 0.1: 100, math.inf: 100})

    before = [Look(look(1, 0, 0).values, {0.01: 0, 0.1: 0, math.inf: 0})] * 2
    found = soak._load(before, [look(3, 10, 0), look(2, 20, 50)], seconds=10, count=4)
    assert (found["cores"], found["tasks"], found["memory_mib"]) == (0.3, 30, 2)
    assert found["lag_p99_ms"] > 90, "half of the second's looks are late"


def test_the_command_starts_workers_and_sums_what_they_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soak", "--workers", "2", "--ramp", "4", "--seconds", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["ramp"][0]
    assert found["refused"] == 0
    assert found["memory_mib"] > 150, "of two processes"


def test_workers_of_somebody_elses_server_are_not_ours_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soak", "--url", "ws://127.0.0.1:1", "--workers", "2"]) == 2
    assert "leave out --url" in capsys.readouterr().err

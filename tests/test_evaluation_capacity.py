"""The capacity plan: the simulation against closed forms, and a plan that grows as it should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.pipelines.evaluation import capacity
from affetto.pipelines.evaluation.capacity import Figures, Prices, Talk
from affetto.pipelines.evaluation.queueing import Service, erlang_c, mean_wait, servers_for, waits
from affetto.server.__main__ import main


def exponential(mean_s: float) -> Service:
    random = np.random.default_rng(7)
    return lambda _: float(random.exponential(mean_s))


@pytest.mark.parametrize(
    ("load", "servers", "expected"),
    [(0.5, 1, 0.5), (1.0, 2, 1 / 3), (2.0, 3, 0.4444), (8.0, 10, 0.4092), (5.0, 4, 1.0), (0.0, 3, 0.0)],
)
def test_erlang_c_is_as_in_the_tables(load: float, servers: int, expected: float) -> None:
    assert erlang_c(load, servers) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("rate", "service_s", "servers"), [(0.7, 1.0, 1), (8.0, 0.2, 2), (40.0, 0.2, 10)])
def test_the_simulation_waits_as_erlang_says(rate: float, service_s: float, servers: int) -> None:
    found = waits(rate, servers, exponential(service_s), calls=200_000)
    assert float(found.mean()) == pytest.approx(mean_wait(rate, service_s, servers), rel=0.06)
    assert float(np.mean(found > 1e-12)) == pytest.approx(erlang_c(rate * service_s, servers), rel=0.04)


def test_one_server_with_fixed_times_waits_half_as_long() -> None:
    """Pollaczek and Khinchine: M/D/1 has half the mean wait of M/M/1."""
    found = waits(0.8, 1, lambda _: 1.0, calls=200_000)
    assert float(found.mean()) == pytest.approx(mean_wait(0.8, 1.0, 1) / 2, rel=0.05)


def test_batches_serve_what_would_else_be_too_much() -> None:
    def service(count: int) -> float:
        return 0.9 + 0.1 * count

    alone, together = (float(waits(2.0, 1, service, batch=size).mean()) for size in (1, 8))
    assert alone > 100
    assert together < 2


@given(st.floats(0.5, 200), st.floats(0.01, 2), st.integers(1, 8))
def test_the_fewest_servers_are_enough(rate: float, each_s: float, batch: int) -> None:
    def service(count: int) -> float:
        return 0.02 + each_s * count

    found = servers_for(rate, service, batch=batch, p95_s=0.2, calls=2000)
    wait = np.quantile(waits(rate, found, service, batch=batch, calls=2000), 0.95)
    assert wait <= 0.2
    assert found >= rate * service(batch) / batch - 1


def test_ten_times_the_sessions_need_ten_times_the_machines_or_fewer() -> None:
    few, many = capacity.plan(10_000), capacity.plan(100_000)
    assert 9 <= many["machines"] / few["machines"] <= 10.1
    assert many["cost_per_session_h"] <= few["cost_per_session_h"] * 1.01
    assert capacity.plan(100)["cost_per_session_h"] > few["cost_per_session_h"]


def test_what_gives_way_first_comes_first() -> None:
    found = list(capacity.limits().values())
    assert found == sorted(found)
    wide = capacity.limits(figures=Figures(proxy_bps=1e15))
    assert list(wide)[-1] == "one proxy"


def test_measurements_take_the_place_of_the_figures() -> None:
    speed = {"asr": {"ms": 82.0}, "cues": {"ms": 10.0}, "tts": {"rtf": 0.1}, "appraiser": {"ms": 1.0}, "llm": {}}
    found = capacity.measured(speed, Figures(), threads=2)
    assert found.recognition_base_s + found.recognition_each_s == pytest.approx(0.164)
    assert (found.cues_s, found.speech_rtf, found.appraisal_s) == (0.01, 0.2, 0.001)


def test_assumptions_are_named() -> None:
    talk, figures, prices = capacity.changed({"reply_s": 8, "cores": 64, "gpu": 1}, Talk(), Figures(), Prices())
    assert (talk.reply_s, figures.cores, prices.gpu) == (8.0, 64, 1.0)
    assert isinstance(figures.cores, int)


def test_the_command_prints_a_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "200", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"][0]["sessions"] == 200
    assert main(["plan", "200"]) == 0
    assert "one proxy" in capsys.readouterr().out
    assert main(["plan", "--assume", "luck=1"]) == 2
    assert "turn_s" not in capsys.readouterr().err
    assert main(["plan", "--measured", str(tmp_path / "none.json")]) == 2

"""One session too many: refused before the running ones suffer, with a reason, to browsers by a code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from affetto.clients.bench.calls import OURS, one_call
from affetto.server.admission import Admission, processor_s, usable_cores
from affetto.server.settings import ServerSection
from live import Live, eventually, running

QUIET: dict[str, Any] = {"lag_s": 0.0, "queue": 0, "live": 1}


def admission(guess: float = 0.0, cores: float = 2.0, **measured: Any) -> Admission:
    now = QUIET | measured
    section = ServerSection(**{key: now.pop(key) for key in ("admission", "session_cores") if key in now})
    return Admission(
        section,
        guess,
        lag_s=lambda: now["lag_s"],
        queue=lambda: now["queue"],
        live=lambda: now["live"],
        cpu_s=lambda: 0.0,
        cores=cores,
    )


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, None),
        ({"lag_s": 0.031}, "late"),
        ({"lag_s": 0.031, "live": 0}, None),
        ({"lag_s": 0.031, "admission": False}, None),
        ({"queue": 5}, "behind"),
        ({"queue": 4}, None),
        ({"queue": 8, "live": 2}, None),
        ({"guess": 1.0}, "slow down"),
        ({"guess": 1.0, "cores": 4.0, "live": 2}, None),
        ({"guess": 1.0, "cores": 4.0, "live": 3}, "slow down"),
        ({"guess": 1.0, "session_cores": 0.1}, None),
        ({"guess": 1.0, "live": 0}, None),
    ],
)
def test_one_more_is_refused_where_the_others_would_suffer(given: dict[str, Any], refused: str | None) -> None:
    problem = admission(**given).problem()
    assert (problem is None) is (refused is None)
    assert refused is None or refused in str(problem)


def test_what_is_measured_comes_in_the_place_of_the_guess_but_not_below_its_half() -> None:
    costly = admission(guess=0.0)
    assert costly.problem() is None
    for _ in range(120):
        costly.note(0.9, 1.0)
    assert costly.session_cores == pytest.approx(0.9, abs=0.05)
    assert costly.problem() is not None
    quiet = admission(guess=1.0, cores=3.0, live=2)
    assert quiet.problem() is not None
    for _ in range(120):
        quiet.note(0.2, 1.0)
    assert quiet.session_cores == 0.5
    assert quiet.problem() is None
    unknown = admission(guess=1.0, live=0)
    unknown.note(5.0, 1.0)
    assert unknown.session_cores == 1.0, "what is used while nobody is here says nothing of sessions"


def test_this_machine_can_be_measured() -> None:
    before = processor_s()
    sum(range(3_000_000))
    assert processor_s() > before
    assert 0 < usable_cores() <= 1024


@contextmanager
def full() -> Iterator[Live]:
    """A server that holds one session, and says that one more would be too many."""
    with running(server__admission=True, server__session_cores=1000.0) as live, live.call() as first:
        yield live
        assert first.text_turn()["response"]["status"] == "completed", "who is in does not notice"


def test_a_program_is_told_by_http() -> None:
    with full() as live:
        with pytest.raises(InvalidStatus) as refused, live.call():
            pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "5"
        assert b'"overloaded"' in (refused.value.response.body or b"")
        answer = live.get("/ready")
        assert answer.status_code == 503
        assert "slow down" in answer.json()["overloaded"]
        assert 'affetto_refused_clients_total{code="overloaded"} 1.0' in live.get("/metrics").text
    with running(server__admission=True, server__session_cores=1000.0) as live:
        with live.call() as first:
            first.text_turn()
        eventually(lambda: live.get("/ready").status_code == 200, "its place is not free")
        with live.call() as second:
            assert second.text_turn()["response"]["status"] == "completed"


def test_who_hangs_up_makes_room_before_all_is_put_away(tmp_path: Path) -> None:
    full = {"server__admission": True, "server__session_cores": 1000.0}
    with running(**full, handover__enabled=True, handover__url=f"sqlite:///{tmp_path}/sessions.db") as live:
        state, put_away = live.server._app.state, threading.Event()
        drop = state.server.handover.store.drop

        async def slow(*args: Any) -> None:
            await asyncio.to_thread(put_away.wait)
            await drop(*args)

        state.server.handover.store.drop = slow
        try:
            with live.call() as first:
                first.update(empathy={"resume": True})
                first.text_turn()
            eventually(lambda: state.realtime.talking == 0, "the first has not hung up")
            with live.call() as second:
                assert len(state.realtime._live) == 2
                assert second.text_turn()["response"]["status"] == "completed"
        finally:
            put_away.set()


def test_a_browser_is_told_by_a_code() -> None:
    with (
        full() as live,
        connect(live.ws, origin=live.http, subprotocols=["realtime"], proxy=None) as browser,  # type: ignore[arg-type, list-item]
    ):
        assert browser.subprotocol == "realtime"
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert closed.value.rcvd.reason.startswith("overloaded: The server is busy")


def test_a_measurement_counts_those_who_were_not_let_in() -> None:
    with full() as live:
        record = asyncio.run(one_call(live.ws, [], OURS))
    assert (record.refused, record.outcomes) == (1, [])

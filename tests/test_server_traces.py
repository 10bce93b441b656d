"""GET /v1/sessions and the turns of a session: only of those that asked, only for their key, only for a while."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from affetto.pipelines.duplex.config import EmpathyConfig, SessionConfig
from affetto.pipelines.duplex.conversation import Conversation
from affetto.pipelines.duplex.events import Closed
from affetto.pipelines.duplex.observe import SessionClosed, Stepped
from affetto.server.traces import MOST_SESSIONS, Traces
from live import Live, eventually, running

KEY = {"Authorization": "Bearer sk-right"}
OTHER = {"Authorization": "Bearer sk-other"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    url = f"sqlite:///{tmp_path_factory.mktemp('memory')}/memory.db"
    with running(server__api_keys=["sk-right", "sk-other"], memory__url=url) as server:
        yield server


def ids(live: Live, key: dict[str, str] = KEY) -> list[str]:
    return [session["id"] for session in live.get("/v1/sessions", headers=key).json()["data"]]


def test_a_session_that_asks_is_told_while_it_lasts_and_after(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        session_id = wire.update(empathy={"trace": True})["session"]["id"]
        wire.text_turn("I lost my keys.")
        wire.speak()
        spoken = wire.until("response.done")
        running_one = live.get(f"/v1/sessions/{session_id}/turns", headers=KEY).json()
        assert running_one["session"]["ended_at"] is None
        written, voiced = running_one["data"]
        assert (written["user"][0]["how"], voiced["user"][0]["how"]) == ("typed", "spoken")
        assert written["response"]["appraisal"]["emotion"] == "sad"
        assert voiced["response"]["id"] == spoken["response"]["id"]
        assert voiced["response"]["timings_ms"] == spoken["empathy"]["timings_ms"]
        assert session_id in ids(live)
        assert live.get(f"/v1/sessions/{session_id[5:]}/turns", headers=KEY).status_code == 200
    path = f"/v1/sessions/{session_id}/turns"
    eventually(lambda: live.get(path, headers=KEY).json()["session"]["ended_at"], "the session has not ended")
    ended = live.get(path, headers=KEY).json()
    assert [turn["user"] for turn in ended["data"]] == [written["user"], voiced["user"]]
    assert ended["session"]["turns"] == 2


def test_sessions_that_do_not_ask_leave_no_trace(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        session_id = wire.update(empathy={"trace": False})["session"]["id"]
        wire.text_turn("I lost my keys.")
        assert session_id not in ids(live)
        error = live.get(f"/v1/sessions/{session_id}/turns", headers=KEY).json()["error"]
        assert (error["code"], error["param"]) == ("session_not_found", "session_id")


def test_another_key_sees_nothing(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        session_id = wire.update(empathy={"trace": True})["session"]["id"]
        wire.text_turn("I lost my keys.")
        path = f"/v1/sessions/{session_id}"
        assert session_id not in ids(live, OTHER)
        assert live.get(f"{path}/turns", headers=OTHER).status_code == 404
        assert httpx.delete(live.http + path, headers=OTHER, trust_env=False).status_code == 404
        assert live.get(f"{path}/turns").status_code == 401
        assert httpx.delete(live.http + path, headers=KEY, trust_env=False).json()["deleted"] is True
        assert live.get(f"{path}/turns", headers=KEY).status_code == 404


def test_who_takes_it_back_or_is_forgotten_leaves_none(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        first = wire.update(empathy={"trace": True, "user": "ana", "memory": True})["session"]["id"]
        wire.text_turn("I lost my keys.")
        assert first in ids(live)
        wire.update(empathy={"trace": False})
        assert first not in ids(live)
    with live.call(additional_headers=KEY) as wire:
        second = wire.update(empathy={"trace": True, "user": "ana"})["session"]["id"]
        wire.text_turn("I lost my keys.")
        assert second in ids(live)
        httpx.delete(f"{live.http}/v1/memory?user=ana", headers=KEY, trust_env=False)
        assert second not in ids(live)


def traced(traces: Traces, number: int) -> Conversation:
    """A session of which something has happened."""
    conversation = Conversation(str(number), SessionConfig(empathy=EmpathyConfig(trace=True)))
    traces.observer("", lambda: conversation)(Stepped(str(number), Closed(0), ()))
    return conversation


def test_traces_are_dropped_some_time_after_the_end() -> None:
    now = [0.0]
    traces = Traces(60, lambda: now[0])
    conversation = traced(traces, 1)
    now[0] = 1000.0
    assert len(traces.of("")) == 1, "it has not ended"
    traces.observer("", lambda: conversation)(SessionClosed("1", 1.0, 0, 0))
    now[0] += 59
    assert len(traces.of("")) == 1
    now[0] += 2
    assert traces.of("") == []
    assert traces.get("", "1") is None


def test_there_are_only_so_many() -> None:
    traces = Traces(60)
    for number in range(MOST_SESSIONS + 10):
        traced(traces, number)
    assert [trace.id for trace in traces.of("")][-1] == "10"

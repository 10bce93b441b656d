"""Sessions that are over are gone at once: the collector of cyclic garbage stops everybody who is still talking."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from affetto.server.live_session import LiveSession
from live import Live, eventually, running


@pytest.fixture(params=[False, True], ids=["alone", "handover"])
def live(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Live]:
    shared = {"handover__enabled": True, "handover__url": f"sqlite:///{tmp_path}/sessions.db"} if request.param else {}
    with running(**shared) as server:
        yield server


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_session_that_is_over_leaves_nothing_to_the_collector(live: Live) -> None:
    sessions: dict[str, LiveSession] = live.server._app.state.realtime._live
    with live.call() as wire:
        wire.update(empathy={"resume": True})
        wire.speak()
        assert wire.until("response.done")["response"]["status"] == "completed"
        assert wire.text_turn()["response"]["status"] == "completed"
        held = parts_of(next(iter(sessions.values())))
    eventually(lambda: not sessions, "the session is not over")
    eventually(lambda: all(part() is None for part in held), "something of it is still there")


def parts_of(live: LiveSession) -> list[weakref.ref[Any]]:
    session = live.session
    parts = [live, session, session.conversation, session._intake, session._mouth, live.outbox, live._wire]
    return [weakref.ref(part) for part in parts]

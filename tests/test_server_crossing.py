"""Two people in step, each with a secret: no word, cue, trace, memory or sound of one comes to the other.

Briefly here; `make crossing` for 10,000 turns of each.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live import Live, Wire, running

TURNS = int(os.environ.get("AFFETTO_TURNS", "40"))
SPOKEN_EVERY = 10
SECRETS = {"ana": "aardvark", "ben": "zeppelin"}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    settings = {"server__events_per_s": 1e6, "server__requests_per_s": 1e6, "tts__options__word_s": 0.01}
    with running(memory__url=f"sqlite:///{tmp_path}/memory.db", **settings) as server:
        yield server


def ids(events: list[dict[str, Any]]) -> set[str]:
    """Of everything that a session was told about."""
    names = ("response_id", "item_id")
    found = {event[name] for event in events for name in names if event.get(name)}
    return found | {event["response"]["id"] for event in events if "response" in event}


def settled(live: Live) -> None:
    memory = live.server._app.state.server.memory
    asyncio.run_coroutine_threadsafe(memory.settled(), live.loop).result(600)


def test_hostile_row_37_two_people_in_step_never_meet(live: Live) -> None:
    with live.call() as ana, live.call() as ben:
        people = {"ana": ana, "ben": ben}
        for user, wire in people.items():
            told = {"memory": True, "user": user, "events": True, "trace": True}
            wire.update(instructions=f"The word is {SECRETS[user]}.", empathy=told)
        seen: dict[str, set[str]] = {"ana": set(), "ben": set()}
        for turn in range(TURNS):
            in_step(people, turn)
            for user, wire in people.items():
                (other,) = (secret for name, secret in SECRETS.items() if name != user)
                assert other not in json.dumps(wire.events), f"turn {turn}: {user} hears of {other}"
                assert wire.errors() == []
                seen[user] |= ids(wire.events)
                wire.events.clear()
        assert seen["ana"]
        assert not seen["ana"] & seen["ben"], "an answer, or its sound, came to both"
        settled(live)
        kept_apart(live)
    kept_apart(live)


def in_step(people: dict[str, Wire], turn: int) -> None:
    """Both at once: nobody waits for the other's answer."""
    for user, wire in people.items():
        wire.write(f"My secret {turn} is {SECRETS[user]}. I have a dog called {SECRETS[user].title()}.")
        spoken = "audio" if turn % SPOKEN_EVERY == 0 else "text"
        wire.send("response.create", response={"output_modalities": [spoken]})
    for wire in people.values():
        assert wire.until("response.done", timeout_s=60)["response"]["status"] == "completed"


def kept_apart(live: Live) -> None:
    for user, secret in SECRETS.items():
        (other,) = (name for name in SECRETS.values() if name != secret)
        remembered = live.get("/v1/memory/export", params={"user": user}).text.lower()
        assert secret in remembered
        assert other not in remembered
    for session in live.get("/v1/sessions").json()["data"]:
        trace = live.get(f"/v1/sessions/{session['id']}/turns").text
        assert sum(secret in trace for secret in SECRETS.values()) == 1

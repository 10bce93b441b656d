"""A logged session gives the same decisions again, and a changed one does not pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from test_duplex_conversation import SECOND, Stage, stage

from affetto.pipelines.duplex import eventlog
from affetto.pipelines.duplex.commands import ClearAudio, CommitAudio, Configure, CreateItem, CreateResponse
from affetto.pipelines.duplex.config import ServerVad, SessionConfig
from affetto.pipelines.duplex.events import Event
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.duplex.policy import DuplexPolicy


def logged() -> list[str]:
    """A session with a spoken turn, an answer, typed text, a new configuration and refusals, as log lines."""
    play: Stage = stage()
    lines = [eventlog.header("t", SessionConfig(), DuplexPolicy())]
    receive = play.conversation.receive

    def recording(event: Event) -> list[object]:
        actions = receive(event)
        lines.append(eventlog.line(event, actions))
        return actions  # type: ignore[return-value]

    play.conversation.receive = recording  # type: ignore[assignment, method-assign]
    play.turn("hello", SECOND)
    play.speak(1, played=5000)
    play.finish(1)
    play.command(CreateItem(Item("u", "user", "input_text", "hi")))
    play.command(Configure(replace(SessionConfig(), turn_detection=ServerVad(silence_duration_ms=900))))
    for command in (ClearAudio(), CommitAudio("e"), CreateResponse(), CreateResponse(event_id="x")):
        play.command(command)
    return lines


def test_a_log_replays_bit_for_bit() -> None:
    lines = logged()
    assert len(lines) > 10
    assert eventlog.replay(lines) is None


@pytest.mark.parametrize("index", [1, 5, -1])
def test_a_decision_that_differs_is_found_where_it_is(index: int) -> None:
    lines = logged()
    record = json.loads(lines[index])
    lines[index] = json.dumps({**record, "decided": "0" * 16})
    divergence = eventlog.replay(lines)
    assert divergence is not None
    assert divergence.line == index % len(lines) + 1


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "[]"])
def test_a_file_that_is_no_log_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="line 1 is not the header"):
        eventlog.replay([text])
    with pytest.raises(ValueError, match="line 2 is not of an event log"):
        eventlog.replay([logged()[0], text])

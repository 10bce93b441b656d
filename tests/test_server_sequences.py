"""Sequences of client events that Hypothesis thinks up, over a real socket: whatever comes, the session answers on.

What must hold: a response ends once, and after it nothing of it is said; errors name the event that they are
about; ids are used once; and at the end the session still completes a turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fuzzing import target
from hypothesis import strategies as st

from live import RATE_HZ, Live, Wire, running, voice

Event = dict[str, Any]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(server__events_per_s=1e6, server__requests_per_s=1e6, tts__options__word_s=0.02) as server:
        yield server


ITEMS = st.sampled_from(["item_a", "item_b", "item_none"])
TEXTS = st.sampled_from(["I lost my keys.", "I am so happy!", "", "x" * 300])


def _item(item_id: str, text: str, role: str, previous: str | None) -> Event:
    kind = "input_text" if role != "assistant" else "output_text"
    item = {"type": "message", "role": role, "id": item_id, "content": [{"type": kind, "text": text}]}
    return {"type": "conversation.item.create", "item": item, **({"previous_item_id": previous} if previous else {})}


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(_item, ITEMS, TEXTS, st.sampled_from(["user", "system", "assistant"]), st.none() | ITEMS),
    st.builds(lambda kind, item: {"type": f"conversation.item.{kind}", "item_id": item},
              st.sampled_from(["retrieve", "delete"]), ITEMS),
    st.builds(lambda item, ms: {"type": "conversation.item.truncate", "item_id": item, "content_index": 0,
                                "audio_end_ms": ms}, ITEMS, st.integers(-1, 5000)),
    st.builds(lambda modality, aside: {"type": "response.create", "response": {"output_modalities": [modality]}
                                       | ({"conversation": "none"} if aside else {})},
              st.sampled_from(["audio", "text"]), st.booleans()),
    st.sampled_from([{"type": "response.cancel"}, {"type": "input_audio_buffer.commit"},
                     {"type": "input_audio_buffer.clear"}, {"type": "nonsense"}, {"type": "SPEAK"}, {"type": "HUSH"}]),
    st.builds(lambda detection, modality: {"type": "session.update", "session": {"output_modalities": [modality],
              "audio": {"input": {"turn_detection": detection}}}},
              st.sampled_from([None, {"type": "server_vad", "silence_duration_ms": 200}, {"type": "semantic_vad"}]),
              st.sampled_from(["audio", "text"])),
    st.builds(lambda item, ms: {"type": "empathy.playback", "item_id": item, "played_ms": ms}, ITEMS,
              st.integers(0, 9000)),
)  # fmt: skip


def play(wire: Wire, events: list[Event]) -> None:
    for number, event in enumerate(events):
        match event["type"]:
            case "SPEAK":
                wire.append(voice(0.4))
            case "HUSH":
                wire.append(np.zeros(RATE_HZ // 2, np.int16))
            case kind:
                wire.send(kind, **{**event, "event_id": f"e{number}"} | {"type": kind})


def test_any_sequence_of_events_leaves_a_session_that_answers(live: Live) -> None:
    @target(st.lists(EVENTS, min_size=1, max_size=14), examples=40)
    def sequence(events: list[Event]) -> None:
        with live.call() as wire:
            play(wire, events)
            wire.send("session.update", event_id="quiet", session={"audio": {"input": {"turn_detection": None}}})
            wire.send("input_audio_buffer.clear")
            wire.until("input_audio_buffer.cleared")
            last_turn(wire)
            check(wire.events)

    sequence()


def last_turn(wire: Wire) -> None:
    """A turn of its own, once all that was begun has ended."""
    for _ in range(20):
        wire.write("Are you still there?")
        wire.send("response.create", event_id="last", response={"output_modalities": ["text"]})
        event = wire.until("response.done", "error")
        if event["type"] == "response.done" and event["response"]["status"] == "completed":
            return
    raise AssertionError("no turn is completed any more")


def check(events: list[Event]) -> None:
    assert max(Counter(event["event_id"] for event in events).values()) == 1
    created, done = Counter[str](), Counter[str]()
    for event in events:
        response_id = event.get("response_id")
        if response_id is not None:
            assert created[response_id], f"{event['type']} of a response that was not announced"
            assert not done[response_id], f"{event['type']} of a response that has ended"
        if event["type"] == "response.created":
            created[event["response"]["id"]] += 1
        elif event["type"] == "response.done":
            done[event["response"]["id"]] += 1
            assert event["response"]["status"] in ("completed", "cancelled", "incomplete", "failed")
        elif event["type"] == "error":
            assert event["error"]["type"] == "invalid_request_error", event
    assert set(done.values()) == set(created.values()) == {1}
    assert set(done) <= set(created)

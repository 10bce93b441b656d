"""Server events: each output as its events, whole and in order, of the published shape, in one dialect."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from affetto.models.base import SpokenWord
from affetto.pipelines.duplex import outputs as out
from affetto.pipelines.duplex.items import Item
from affetto.server.protocol import Encoder, Event, ProtocolError, WireSession

SERVER_EVENT: TypeAdapter[object] = TypeAdapter(RealtimeServerEvent)

USER = Item("item_1", "user", "input_audio", None)
HEARD = Item("item_1", "user", "input_audio", "hello")
TYPED = Item("item_2", "user", "input_text", "hello")
SPOKEN = Item("item_3", "assistant", "output_audio", "Oh no. Really?")
WRITTEN = Item("item_3", "assistant", "output_text", "Oh no. Really?")

OPENING = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def encoder(*, beta: bool = False, **session: Any) -> Encoder:
    wire = WireSession("sess_1", "affetto", expires_at=1_800_000_000)
    wire.merge(session)
    return Encoder(wire, beta=beta)


def started(modality: str = "audio", **fields: Any) -> out.ResponseStarted:
    return out.ResponseStarted("resp_1", "item_3", "item_1", modality, **fields)  # type: ignore[arg-type]


def ended(status: str = "completed", item: Item = SPOKEN, **fields: Any) -> out.ResponseEnded:
    modality = "audio" if item.kind == "output_audio" else "text"
    return out.ResponseEnded("resp_1", item, modality, status, **fields)  # type: ignore[arg-type]


def sound(milliseconds: int = 100, rate_hz: int = 24_000) -> out.ResponseAudio:
    samples = np.arange(rate_hz * milliseconds // 1000, dtype=np.int16)
    return out.ResponseAudio("resp_1", "item_3", samples, rate_hz)


def words(text: str) -> out.ResponseText:
    return out.ResponseText("resp_1", "item_3", text)


def encoded(*outputs: out.Output, **session: Any) -> list[Event]:
    wire = encoder(**session)
    return [event for output in outputs for event in wire.encode(output)]


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


BUFFER, ITEM, HEARING = "input_audio_buffer", "conversation.item", "conversation.item.input_audio_transcription"


@pytest.mark.parametrize(
    ("output", "events"),
    [
        (out.SpeechStarted("i", 300), [{"type": f"{BUFFER}.speech_started", "item_id": "i", "audio_start_ms": 300}]),
        (out.SpeechStopped("i", 900), [{"type": f"{BUFFER}.speech_stopped", "item_id": "i", "audio_end_ms": 900}]),
        (
            out.AudioCommitted("i", None),
            [{"type": f"{BUFFER}.committed", "item_id": "i", "previous_item_id": None}],
        ),
        (out.AudioCleared(), [{"type": f"{BUFFER}.cleared"}]),
        (
            out.IdleTimeout("i", 1, 2),
            [{"type": f"{BUFFER}.timeout_triggered", "item_id": "i", "audio_start_ms": 1, "audio_end_ms": 2}],
        ),
        (out.ItemDeleted("i"), [{"type": f"{ITEM}.deleted", "item_id": "i"}]),
        (
            out.ItemTruncated("i", 0, 1200),
            [{"type": f"{ITEM}.truncated", "item_id": "i", "content_index": 0, "audio_end_ms": 1200}],
        ),
        (
            out.TranscriptDelta("i", "hel"),
            [{"type": f"{HEARING}.delta", "item_id": "i", "content_index": 0, "delta": "hel"}],
        ),
        (
            out.TranscriptCompleted("i", "hello", 1.5, {"cues": {"style": ["quiet"]}}),
            [
                {
                    "type": f"{HEARING}.completed",
                    "item_id": "i",
                    "content_index": 0,
                    "transcript": "hello",
                    "usage": {"type": "duration", "seconds": 1.5},
                    "empathy": {"cues": {"style": ["quiet"]}},
                }
            ],
        ),
        (
            out.TranscriptFailed("i", "broke"),
            [
                {
                    "type": f"{HEARING}.failed",
                    "item_id": "i",
                    "content_index": 0,
                    "error": {"type": "server_error", "code": "transcription_failed", "message": "broke"},
                }
            ],
        ),
        (
            out.Rejected("response_cancel_not_active", "Cancellation failed: no", None, "e"),
            [
                {
                    "type": "error",
                    "error": {
                        "type": "invalid_request_error",
                        "code": "response_cancel_not_active",
                        "message": "Cancellation failed: no",
                        "event_id": "e",
                    },
                }
            ],
        ),
        (
            out.Failure("language_failed", "down"),
            [{"type": "error", "error": {"type": "server_error", "code": "language_failed", "message": "down"}}],
        ),
        (out.Failure("cues_failed", "down"), []),
        (out.Notice("cues", {"item_id": "i"}), []),
        (out.Backchannel("mhm", np.zeros(2400, np.int16), 24_000), []),
        (out.ResponseWords("resp_1", "item_3", (SpokenWord("Oh", 0, 2400),), 24_000), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outputs_become_events(output: out.Output, events: list[Event]) -> None:
    got = encoded(output)
    assert [{key: value for key, value in event.items() if key != "event_id"} for event in got] == events
    for event in got:
        assert event["event_id"]
        SERVER_EVENT.validate_python(event)


def test_a_users_audio_item_has_its_transcript_key_before_it_is_known() -> None:
    added, done = encoded(out.ItemAdded(USER, None))
    assert kinds([added, done]) == ["conversation.item.added", "conversation.item.done"]
    assert added["item"] == {
        "id": "item_1",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    assert encoded(out.ItemRetrieved(HEARD))[0]["item"]["content"][0]["transcript"] == "hello"
    assert encoded(out.ItemRetrieved(TYPED))[0]["item"]["content"] == [{"type": "input_text", "text": "hello"}]


def test_an_item_that_is_not_complete_is_not_done() -> None:
    assert kinds(encoded(out.ItemAdded(USER, "x", done=False))) == ["conversation.item.added"]


def test_a_spoken_response_opens_and_closes_whole() -> None:
    events = encoded(started(), words("Oh no. "), sound(), words("Really?"), sound(), ended())
    assert kinds(events) == [
        *OPENING,
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        *CLOSING,
    ]
    for event in events:
        SERVER_EVENT.validate_python(event)
    deltas = [event["delta"] for event in events if event["type"] == "response.output_audio_transcript.delta"]
    assert "".join(deltas) == events[-5]["transcript"] == "Oh no. Really?"


def test_a_written_response_opens_and_closes_whole() -> None:
    events = encoded(started("text"), words("Oh no. "), words("Really?"), ended(item=WRITTEN))
    assert kinds(events) == [
        *OPENING,
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        *CLOSING[2:],
    ]
    assert events[3]["part"] == {"type": "text", "text": ""}
    assert "audio" not in events[-1]["response"]


def test_the_opening_says_what_will_come() -> None:
    created, output_added, item_added, part_added = encoded(started(metadata=(("client_event_id", "c"),)))
    assert created["response"] == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_sess_1",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "usage": None,
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "default"}},
        "metadata": {"client_event_id": "c"},
    }
    assert output_added["item"] == item_added["item"]
    assert item_added["item"]["status"] == "in_progress"
    assert item_added["item"]["content"] == []
    assert item_added["previous_item_id"] == "item_1"
    assert part_added["part"] == {"type": "audio", "transcript": ""}


@pytest.mark.parametrize(
    ("end", "details"),
    [
        (ended(), None),
        (ended("cancelled", reason="turn_detected"), {"type": "cancelled", "reason": "turn_detected"}),
        (ended("incomplete", reason="max_output_tokens"), {"type": "incomplete", "reason": "max_output_tokens"}),
        (
            ended("failed", error="It broke."),
            {"type": "failed", "error": {"type": "server_error", "code": "reply_failed", "message": "It broke."}},
        ),
    ],
)
def test_the_end_says_how_it_ended(end: out.ResponseEnded, details: Event | None) -> None:
    done = encoded(started(), sound(), end)[-1]
    assert done["response"]["status"] == end.status
    assert done["response"]["status_details"] == details
    assert done["response"]["output"][0]["id"] == "item_3"


def test_usage_has_all_its_numbers_or_is_null() -> None:
    used = encoded(started(), ended(usage=out.Usage(7, 5)))[-1]["response"]["usage"]
    assert (used["input_tokens"], used["output_tokens"], used["total_tokens"]) == (7, 5, 12)
    assert encoded(started(), ended())[-1]["response"]["usage"] is None


def test_nothing_follows_a_response_that_has_ended() -> None:
    wire = encoder()
    wire.encode(started())
    assert wire.responding
    wire.encode(ended("cancelled", reason="turn_detected"))
    assert not wire.responding
    assert wire.encode(sound()) == []
    assert wire.encode(words("late")) == []
    assert wire.encode(ended()) == []


def test_a_response_beside_the_conversation_has_no_item_there() -> None:
    events = encoded(started(conversation=False), ended())
    assert not any(kind.startswith("conversation.") for kind in kinds(events))
    assert events[-1]["response"]["conversation_id"] is None


@pytest.mark.parametrize(
    ("name", "rate_hz", "longest", "in_all"),
    [
        ("audio/pcm", 24_000, 4800, 48_000),
        ("audio/pcm", 22_050, 4800, 48_000),
        ("audio/pcmu", 24_000, 800, 8_000),
        ("audio/pcma", 16_000, 800, 8_000),
    ],
)
def test_audio_leaves_in_deltas_of_100_ms_and_none_of_it_is_lost(
    name: str, rate_hz: int, longest: int, in_all: int
) -> None:
    one_second = [sound(250, rate_hz)] * 4
    events = encoded(started(), *one_second, ended(), audio={"output": {"format": {"type": name}}})
    sizes = [
        len(base64.b64decode(event["delta"])) for event in events if event["type"] == "response.output_audio.delta"
    ]
    assert max(sizes) <= longest
    assert sum(sizes) == pytest.approx(in_all, abs=in_all * 0.002)


def test_audio_fixes_the_voice_and_the_format_of_its_response() -> None:
    session = WireSession("sess_1", "affetto")
    wire = Encoder(session)
    wire.encode(started())
    session.merge({"audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "echo"}}})
    (delta,) = wire.encode(sound())
    assert len(base64.b64decode(delta["delta"])) == 4800
    with pytest.raises(ProtocolError):
        session.merge({"audio": {"output": {"voice": "nova"}}})


def test_extensions_are_for_those_who_asked() -> None:
    asked = {"empathy": {"events": True}}
    assert kinds(encoded(out.Notice("cues", {"style": ["quiet"]}), **asked)) == ["empathy.cues"]
    assert kinds(encoded(out.Failure("cues_failed", "x"), **asked)) == ["empathy.failure"]
    backchannel = out.Backchannel("mhm", np.zeros(4800, np.int16), 24_000)
    assert kinds(encoded(backchannel, **asked)) == ["empathy.backchannel"] * 2
    (words,) = encoded(out.ResponseWords("resp_1", "item_3", (SpokenWord("Oh, ", 2205, 4410),), 22_050), **asked)
    assert words["item_id"] == "item_3"
    assert words["words"] == [{"text": "Oh,", "start_ms": 100, "end_ms": 200}]


def test_what_was_felt_goes_with_the_response() -> None:
    record = {"appraisal": {"emotion": "sad"}, "timings_ms": {"first_audio": 400}}
    assert encoded(started(), ended(empathy=record))[-1]["empathy"] == record


def test_the_beta_has_its_own_names_only() -> None:
    wire = encoder(beta=True)
    outputs: list[out.Output] = [out.ItemAdded(USER, None), started(), words("Oh"), sound(), ended()]
    events = [*wire.created(), *(event for output in outputs for event in wire.encode(output))]
    assert kinds(events) == [
        "session.created",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.audio_transcript.delta",
        "response.audio.delta",
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[-1]["response"]["modalities"] == ["text", "audio"]
    assert events[-1]["response"]["output"][0]["content"][0]["type"] == "audio"
    assert events[0]["session"]["turn_detection"]["type"] == "semantic_vad"
    text = encoder(beta=True)
    written = [event for output in (started("text"), words("Oh"), ended(item=WRITTEN)) for event in text.encode(output)]
    assert {"response.text.delta", "response.text.done"} <= set(kinds(written))


_OUTPUTS = st.one_of(
    st.just(started()),
    st.just(started("text")),
    st.builds(ended, st.sampled_from(["completed", "cancelled", "failed"])),
    st.builds(words, st.text(max_size=20)),
    st.builds(sound, st.integers(0, 400), st.sampled_from([16_000, 22_050, 24_000])),
    st.builds(out.TranscriptDelta, st.text(max_size=5), st.text(max_size=5)),
)


@given(st.lists(_OUTPUTS, max_size=12), st.booleans())
def test_whatever_the_session_says_every_frame_is_small_json_and_each_response_ends_once(
    outputs: list[out.Output], beta: bool
) -> None:
    wire = encoder(beta=beta)
    events = [event for output in outputs for event in wire.encode(output)]
    for event in events:
        assert len(json.dumps(event).encode()) < 256 * 1024
        if not beta:
            SERVER_EVENT.validate_python(event)
    assert kinds(events).count("response.done") <= kinds(events).count("response.created")

"""Hostile input over a real socket: one error, the session still completes a turn, nobody else notices.

The numbers are rows of one table of forty hostile inputs; rows about the door are in test_server_realtime.py,
about uploads in test_server_rest.py.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from live import RATE_HZ, WAIT_S, Live, Wire, audio_of, eventually, running, voice


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def bystander(live: Live) -> Iterator[Wire]:
    """Somebody who does nothing wrong."""
    with live.call() as wire:
        yield wire


@pytest.fixture
def wire(live: Live, bystander: Wire) -> Iterator[Wire]:
    """A fresh session; afterwards the bystander still gets answers, without any error."""
    with live.call() as call:
        yield call
    assert bystander.text_turn()["response"]["status"] == "completed"
    assert bystander.errors() == []


def spoken_turn(wire: Wire) -> dict[str, Any]:
    wire.speak()
    return wire.until("response.done")


@pytest.mark.parametrize("frame", [b"", b"\x00\xff" * 1000, json.dumps({"type": "response.create"}).encode()])
def test_hostile_row_09_binary_frames(wire: Wire, frame: bytes) -> None:
    wire.raw(frame)
    assert wire.expect_error()["code"] == "invalid_message"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "[" * 100_000, '{"a":' * 100_000, "9" * 10**6, '{"type":"response.create","x":NaN}'],
    ids=["brace", "list", "null", "nested lists", "nested objects", "huge number", "NaN"],
)
def test_hostile_row_13_broken_json(wire: Wire, text: str) -> None:
    wire.raw(text)
    assert wire.expect_error()["code"] == "invalid_json"


@pytest.mark.parametrize(
    "event",
    [
        {"event_id": "e"},
        {"event_id": "e", "type": "session.destroy"},
        {"event_id": "e", "type": "x" * 1_000_000},
        {"event_id": "e", "type": 5},
        {"event_id": "e", "type": "__proto__", "__proto__": {"type": "response.create"}, "constructor": {}},
    ],
    ids=["missing", "unknown", "1 MB", "number", "proto"],
)
def test_hostile_row_14_types(wire: Wire, event: dict[str, Any]) -> None:
    wire.raw(json.dumps(event))
    error = wire.expect_error("e")
    assert len(error["message"]) < 700


def test_hostile_row_14_duplicate_keys(wire: Wire) -> None:
    wire.raw('{"type":"response.create","event_id":"e","type":"response.cancel"}')
    assert wire.expect_error("e")["code"] == "invalid_json"


def test_hostile_row_15_half_a_surrogate_pair(wire: Wire) -> None:
    part = '{"type":"input_text","text":"\\ud800"}'
    item = f'{{"type":"message","role":"user","content":[{part}]}}'
    wire.raw(f'{{"type":"conversation.item.create","event_id":"e","item":{item}}}')
    assert wire.expect_error("e")["code"] == "invalid_json"


def test_hostile_row_15_controls_are_taken_out(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    wire.write("I\x00 am\u202e \x1b[2Jsad")
    assert wire.until("conversation.item.added")["item"]["content"][0]["text"] == "I am [2Jsad"
    updated = wire.update(instructions="Be\x00 kind\u2066.")
    assert updated["session"]["instructions"] == "Be kind."
    assert wire.text_turn()["response"]["status"] == "completed"
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize("where", ["item", "instructions", "response"])
def test_hostile_row_15_a_megabyte_of_text(wire: Wire, where: str) -> None:
    text = "x" * 1_000_000
    match where:
        case "item":
            content = [{"type": "input_text", "text": text}]
            item = {"type": "message", "role": "user", "content": content}
            wire.send("conversation.item.create", event_id="e", item=item)
        case "instructions":
            wire.send("session.update", event_id="e", session={"type": "realtime", "instructions": text})
        case _:
            wire.send("response.create", event_id="e", response={"instructions": text})
    assert wire.expect_error("e")["code"] == "string_above_max_length"


@pytest.mark.parametrize("audio", ["%%%", "AAA", "", "\u00fc" * 8], ids=["bad", "cut", "empty", "not ascii"])
def test_hostile_row_16_bad_base64(wire: Wire, audio: str) -> None:
    wire.send("input_audio_buffer.append", event_id="e", audio=audio)
    assert wire.expect_error("e")["param"] == "audio"


def test_hostile_row_16_odd_bytes_are_carried(wire: Wire) -> None:
    data = np.concatenate([voice(0.6), np.zeros(RATE_HZ, np.int16)]).astype("<i2").tobytes()
    for start in range(0, len(data), 4801):
        wire.send("input_audio_buffer.append", audio=base64.b64encode(data[start : start + 4801]).decode())
    wire.until("response.done")
    completed = next(e for e in wire.events if e["type"].endswith("transcription.completed"))
    assert completed["usage"]["seconds"] == pytest.approx(0.6, abs=0.3)
    assert wire.errors() == []


def test_hostile_row_17_audio_far_faster_than_time(live: Live, wire: Wire) -> None:
    wire.update(audio={"input": {"turn_detection": None}})
    ten_seconds = base64.b64encode(voice(10).tobytes()).decode()
    for _ in range(60):
        wire.send("input_audio_buffer.append", audio=ten_seconds)
    wire.send("input_audio_buffer.clear")
    wire.until("input_audio_buffer.cleared")
    assert {error["code"] for error in wire.errors()} <= {"input_audio_overflow"}, "where it is heard too slowly"
    assert len(wire.errors()) <= 12
    assert wire.text_turn()["response"]["status"] == "completed"


def test_hostile_row_18_one_sample_a_frame(wire: Wire) -> None:
    wire.update(audio={"input": {"turn_detection": None}})
    for sample in voice(0.15):
        wire.append(np.array([sample], np.int16))
    wire.send("input_audio_buffer.commit")
    wire.until("input_audio_buffer.committed")
    assert wire.text_turn()["response"]["status"] == "completed"
    assert wire.errors() == []


def noise(kind: str, seconds: float) -> NDArray[np.int16]:
    n = int(seconds * RATE_HZ)
    rng = np.random.default_rng(1)
    sounds = {
        "offset": np.full(n, 12_000),
        "square": np.where(np.arange(n) // 40 % 2, 32_767, -32_768),
        "white": rng.integers(-32_768, 32_767, n),
        "ultrasonic": 20_000 * np.sin(2 * np.pi * 11_900 * np.arange(n) / RATE_HZ),
        "silence": np.zeros(n),
    }
    return sounds[kind].astype(np.int16)


@pytest.mark.parametrize("kind", ["offset", "square", "white", "ultrasonic", "silence"])
def test_hostile_row_19_sounds_that_are_no_speech(wire: Wire, kind: str) -> None:
    for _ in range(20):
        wire.append(noise(kind, 1))
    wire.append(np.zeros(RATE_HZ, np.int16))
    assert wire.text_turn()["response"]["status"] in ("completed", "cancelled")
    wire.send("input_audio_buffer.clear")
    wire.until("input_audio_buffer.cleared")
    if kind == "silence":
        assert "input_audio_buffer.speech_started" not in wire.types()


def test_hostile_row_19_an_endless_voice_is_cut(wire: Wire) -> None:
    for _ in range(130):
        wire.append(voice(1))
    wire.until("input_audio_buffer.speech_stopped")
    wire.until("input_audio_buffer.committed")
    stopped = next(e for e in wire.events if e["type"] == "input_audio_buffer.speech_stopped")
    assert stopped["audio_end_ms"] <= 121_000


@pytest.mark.parametrize("kind", ["mu-law", "wav header", "16 kHz"])
def test_hostile_row_20_audio_in_another_format(wire: Wire, kind: str) -> None:
    wrong = {
        "mu-law": bytes(range(256)) * 200,
        "wav header": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + voice(1).tobytes(),
        "16 kHz": voice(1)[::3].tobytes() * 2,
    }[kind]
    for start in range(0, len(wrong), 4800):
        wire.send("input_audio_buffer.append", audio=base64.b64encode(wrong[start : start + 4800]).decode())
    wire.append(np.zeros(RATE_HZ, np.int16))
    wire.send("input_audio_buffer.clear")
    wire.until("input_audio_buffer.cleared")
    assert wire.text_turn()["response"]["status"] == "completed"
    assert wire.errors() == []


def test_hostile_row_21_commit_of_nothing(wire: Wire) -> None:
    wire.send("input_audio_buffer.commit", event_id="e")
    assert wire.expect_error("e")["code"] == "input_audio_buffer_commit_empty"


def test_hostile_row_21_commit_twice_and_after_waiting(wire: Wire) -> None:
    wire.update(audio={"input": {"turn_detection": None}})
    wire.append(voice(0.3))
    wire.send("input_audio_buffer.commit")
    wire.until("input_audio_buffer.committed")
    wire.send("input_audio_buffer.commit", event_id="e")
    assert wire.expect_error("e")["code"] == "input_audio_buffer_commit_empty"
    time.sleep(0.3)  # the session's clock goes on where no audio comes; that is no audio
    wire.send("input_audio_buffer.commit", event_id="f")
    assert wire.expect_error("f")["code"] == "input_audio_buffer_commit_empty"


def test_hostile_row_21_commit_in_the_middle_of_speech(wire: Wire) -> None:
    wire.speak(0.6, silence_s=0)
    wire.until("input_audio_buffer.speech_started")
    wire.send("input_audio_buffer.commit")
    wire.until("input_audio_buffer.committed")
    wire.until("conversation.item.input_audio_transcription.completed")
    assert spoken_turn(wire)["response"]["status"] == "completed"
    assert wire.errors() == []


def test_hostile_row_22_a_hundred_responses_at_once() -> None:
    with running(tts__options__word_s=0.15) as slow, slow.call() as wire:
        wire.write()
        for index in range(100):
            wire.send("response.create", event_id=f"e{index}")
        assert wire.until("response.done")["response"]["status"] == "completed"
        errors = wire.errors()
        assert len(errors) == 99
        assert {error["code"] for error in errors} == {"conversation_already_has_active_response"}
        assert [error["event_id"] for error in errors] == [f"e{index}" for index in range(1, 100)]
        assert wire.types().count("response.created") == 1
        assert wire.text_turn()["response"]["status"] == "completed"


def test_hostile_row_23_cancelling_nothing(wire: Wire) -> None:
    wire.send("response.cancel", event_id="e")
    error = wire.expect_error("e")
    assert error["code"] == "response_cancel_not_active"
    assert error["message"].startswith("Cancellation failed")


def test_hostile_row_23_a_thousand_cancels(wire: Wire) -> None:
    for index in range(1000):
        wire.send("response.cancel", event_id=f"e{index}", response_id="resp_no")
    for _ in range(1000):
        wire.until("error")
    assert [error["event_id"] for error in wire.errors()] == [f"e{index}" for index in range(1000)]
    assert wire.text_turn()["response"]["status"] == "completed"


def test_hostile_row_24_cancel_racing_the_end(wire: Wire) -> None:
    wire.update(output_modalities=["text"])
    for index in range(200):
        wire.write(f"Number {index}.")
        wire.send("response.create")
        wire.send("response.cancel")
        wire.until("response.done")
    wire.text_turn()
    created = [e["response"]["id"] for e in wire.events if e["type"] == "response.created"]
    done = [e["response"]["id"] for e in wire.events if e["type"] == "response.done"]
    assert done == created
    assert len(created) == 201
    statuses = {e["response"]["status"] for e in wire.events if e["type"] == "response.done"}
    assert statuses <= {"completed", "cancelled"}


def test_hostile_row_25_twenty_interruptions() -> None:
    with running(tts__options__word_s=0.3) as slow, slow.call() as wire:
        for _ in range(20):
            wire.write()
            wire.send("response.create")
            wire.until("response.output_audio.delta")
            wire.send("response.cancel")
            done = wire.until("response.done")
            assert done["response"]["status"] == "cancelled"
        ends: set[str] = set()
        for event in wire.events:
            assert event.get("response_id") not in ends, event["type"]
            if event["type"] == "response.done":
                ends.add(event["response"]["id"])


def answered(wire: Wire) -> str:
    """The item of a spoken answer that has ended."""
    wire.write()
    wire.send("response.create")
    item: dict[str, Any] = wire.until("response.done")["response"]["output"][0]
    return str(item["id"])


@pytest.mark.parametrize("audio_end_ms", [-1, -(10**12)])
def test_hostile_row_26_truncating_before_the_beginning(wire: Wire, audio_end_ms: int) -> None:
    item_id = answered(wire)
    wire.send("conversation.item.truncate", event_id="e", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)
    assert wire.expect_error("e")["param"] == "audio_end_ms"


def test_hostile_row_26_truncating_what_is_not_ours_or_not_there(wire: Wire) -> None:
    wire.write(id="item_user")
    for item_id in ("item_none", "item_user"):
        wire.send("conversation.item.truncate", event_id="e", item_id=item_id, content_index=0, audio_end_ms=5)
        assert wire.expect_error("e")["param"] == "item_id"


def test_hostile_row_26_truncating_past_the_end_is_clamped_and_twice_is_fine(wire: Wire) -> None:
    item_id = answered(wire)
    whole_ms = len(audio_of(wire.events)) * 1000 // RATE_HZ
    for asked, got in ((10**15, whole_ms), (200, 200), (200, 200)):
        wire.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=asked)
        truncated = wire.until("conversation.item.truncated", "error")
        assert truncated["audio_end_ms"] == pytest.approx(got, abs=2)
    wire.send("conversation.item.retrieve", item_id=item_id)
    said = wire.until("conversation.item.retrieved")["item"]["content"][0]["transcript"]
    assert said == "That sounds like a long"
    assert wire.errors() == []


@pytest.mark.parametrize("kind", ["retrieve", "delete"])
def test_hostile_row_27_items_of_others(wire: Wire, bystander: Wire, kind: str) -> None:
    bystander.write("my secret")
    foreign = bystander.until("conversation.item.done")["item"]["id"]
    for item_id in ("item_none", foreign):
        wire.send(f"conversation.item.{kind}", event_id="e", item_id=item_id)
        assert wire.expect_error("e")["code"] == f"item_{kind}_invalid_item_id"
    assert "my secret" not in json.dumps(wire.events)


def test_hostile_row_28_item_ids(wire: Wire) -> None:
    wire.write(id="twice")
    content = [{"type": "input_text", "text": "x"}]
    item = {"type": "message", "role": "user", "id": "twice", "content": content}
    wire.send("conversation.item.create", event_id="e", item=item)
    assert wire.expect_error("e")["code"] == "item_create_duplicate_item_id"
    wire.send("conversation.item.create", event_id="f", item={**item, "id": "new"}, previous_item_id="nowhere")
    assert wire.expect_error("f")["code"] == "item_create_invalid_previous_item_id"


def test_hostile_row_28_ten_thousand_items(wire: Wire) -> None:
    for index in range(10_000):
        wire.write("x", id=f"i{index}")
        if index % 100 == 99:
            _drain(wire, f"i{index}")
    assert wire.text_turn()["response"]["status"] == "completed"
    assert wire.errors() == []


def _drain(wire: Wire, item_id: str) -> None:
    while wire.until("conversation.item.done")["item"]["id"] != item_id:
        pass


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 99}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": -1}}}},
        {"audio": {"output": {"speed": 1e9}}},
        {"max_output_tokens": 0},
    ],
    ids=["threshold", "silence", "speed", "tokens"],
)
def test_hostile_row_30_values_out_of_range(wire: Wire, session: dict[str, Any]) -> None:
    before = wire.update()["session"]
    wire.send("session.update", event_id="e", session={"type": "realtime", **session})
    assert wire.expect_error("e")["code"] == "invalid_value"
    assert wire.update()["session"] == before


def test_hostile_row_29_a_storm_of_updates(wire: Wire) -> None:
    for index in range(500):
        wire.send("session.update", session={"type": "realtime", "instructions": f"{index}", "unknown": index})
    for _ in range(500):
        last = wire.until("session.updated")
    assert last["session"]["instructions"] == "499"
    wire.update(model="another")
    assert wire.events[-1]["session"]["model"] == wire.events[0]["session"]["model"]
    assert spoken_turn(wire)["response"]["status"] == "completed"
    wire.send("session.update", event_id="e", session={"type": "realtime", "voice": "another"})
    assert wire.expect_error("e")["code"] == "cannot_update_voice"


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "name": "../../x"},
        {"type": "function", "name": "f", "parameters": {"description": "x" * 1_000_000}},
    ],
    ids=["name", "1 MB"],
)
def test_hostile_row_31_tools(wire: Wire, tool: dict[str, Any]) -> None:
    wire.send("session.update", event_id="e", session={"type": "realtime", "tools": [tool]})
    assert wire.expect_error("e")["param"] == "session.tools"


@pytest.mark.parametrize("size", [2 * 2**20 + 1, 32 * 2**20], ids=["1 byte too large", "still being written"])
def test_hostile_row_11_too_large_a_message_ends_only_its_own_socket(live: Live, bystander: Wire, size: int) -> None:
    with live.call() as wire:
        wire.raw(" " * size)
        with pytest.raises(ConnectionClosed) as closed:
            wire.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    assert bystander.text_turn()["response"]["status"] == "completed"


def test_hostile_row_05_half_sent_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    from affetto.server import transport

    monkeypatch.setattr(transport, "HEAD_DEADLINE_S", 0.5)
    with running() as live:
        halves = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(100)]
        for half in halves[:50]:
            half.sendall(b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgr")
        assert live.get("/health").status_code == 200
        for half in halves:
            half.settimeout(5)
            with half:
                assert half.recv(100) == b""
        assert live.get("/health").status_code == 200


def test_hostile_row_33_a_client_that_stops_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    from affetto.server import connection, transport

    monkeypatch.setattr(connection, "SEND_DEADLINE_S", 0.5)
    monkeypatch.setattr(connection, "CLOSE_DEADLINE_S", 0.2)
    monkeypatch.setattr(transport, "LINGER_S", 0.2)
    with running() as live, live.call() as bystander, deaf_client(live) as deaf:
        update = json.dumps({"type": "session.update", "session": {"instructions": "x" * 15_000}}).encode()
        frame = Frame(Opcode.TEXT, update).serialize(mask=True)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            pour(deaf, frame * 500)
        eventually(lambda: live.get("/ready").json()["sessions"] == 1, "the session of a deaf client stays")
        assert bystander.text_turn()["response"]["status"] == "completed"


def pour(raw: socket.socket, data: bytes) -> None:
    """Send until nobody takes it any more; what the server reads on after its goodbye is quickly gone."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        raw.sendall(data)


@contextmanager
def deaf_client(live: Live) -> Iterator[socket.socket]:
    """A WebSocket client that never reads."""
    with socket.create_connection(("127.0.0.1", live.port)) as raw:
        raw.settimeout(5)
        head = ["GET /v1/realtime HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
        head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
        raw.sendall("\r\n".join(head).encode())
        yield raw

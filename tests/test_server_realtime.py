"""The WebSocket over a real socket: turns, order, doors, dialects and ends, with scripted models."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from affetto.server.audio import AudioOutput, FormatName
from affetto.server.protocol import Encoder
from live import RATE_HZ, Live, Wire, audio_of, eventually, running, voice

SERVER_EVENT: TypeAdapter[object] = TypeAdapter(RealtimeServerEvent)

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


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[Live]:
    with running(
        server__api_keys=["sk-right", "sk-other"],
        server__allowed_origins=["https://app.example"],
        server__sessions_per_key=2,
        server__sessions=3,
    ) as server:
        yield server


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_spoken_turn_comes_in_the_order_clients_rely_on(live: Live) -> None:
    with live.call(query="?model=gpt-realtime") as wire:
        wire.speak()
        done = wire.until("response.done")
        order = [kind for kind in wire.types() if "delta" not in kind and "transcription" not in kind]
        assert order == [
            "session.created",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            *OPENING,
            *CLOSING,
        ]
        assert done["response"]["status"] == "completed"
        assert done["empathy"]["appraisal"]["emotion"]
        for event in wire.events:
            SERVER_EVENT.validate_python(event)
        ids = [event["event_id"] for event in wire.events]
        assert len(set(ids)) == len(ids)


def test_one_item_id_runs_through_the_whole_turn(live: Live) -> None:
    with live.call() as wire:
        wire.speak()
        wire.until("response.done")
        said = {event["item_id"] for event in wire.events if event["type"].startswith("input_audio_buffer.")}
        assert len(said) == 1
        added, done = (e for e in wire.events if e["type"].startswith("conversation.item.") and
                       e.get("item", {}).get("role") == "user")  # fmt: skip
        assert {added["item"]["id"], done["item"]["id"]} == said
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        completed = next(e for e in wire.events if e["type"].endswith("transcription.completed"))
        assert completed["item_id"] in said
        assert completed["usage"]["type"] == "duration"


def test_captions_put_together_are_the_transcript_and_the_audio_is_whole(live: Live) -> None:
    with live.call() as wire:
        wire.speak()
        done = wire.until("response.done")
        said = "".join(e["delta"] for e in wire.events if e["type"] == "response.output_audio_transcript.delta")
        transcript = done["response"]["output"][0]["content"][0]["transcript"]
        assert said == transcript
        assert len(audio_of(wire.events)) == int(0.04 * RATE_HZ) * len(transcript.split())


def test_a_response_is_announced_before_anything_is_made(live: Live) -> None:
    with live.call() as wire:
        wire.write()
        wire.send("response.create", response={"metadata": {"client_event_id": "abc"}})
        created = wire.until("response.created")
        assert created["response"]["metadata"] == {"client_event_id": "abc"}
        assert created["response"]["status"] == "in_progress"
        assert wire.until("response.done")["response"]["metadata"] == {"client_event_id": "abc"}


def test_events_sent_before_reading_anything_are_taken(live: Live) -> None:
    with live.call() as wire:
        wire.send("session.update", event_id="e1", session={"type": "realtime", "output_modalities": ["text"]})
        wire.send("session.update", event_id="e2", session={"type": "realtime", "tracing": "auto"})
        assert wire.until("session.updated")["session"]["output_modalities"] == ["text"]
        assert wire.until("session.updated")["session"]["tracing"] == "auto"


def test_manual_turns_answer_only_when_asked(live: Live) -> None:
    with live.call() as wire:
        wire.update(audio={"input": {"turn_detection": None}})
        wire.append(voice(0.5))
        wire.send("input_audio_buffer.commit")
        wire.until("input_audio_buffer.committed")
        wire.until("conversation.item.input_audio_transcription.completed")
        assert "response.created" not in wire.types()
        wire.send("response.create")
        assert wire.until("response.done")["response"]["status"] == "completed"


def test_a_text_answer_has_text_parts_only(live: Live) -> None:
    with live.call() as wire:
        done = wire.text_turn()
        content = done["response"]["output"][0]["content"][0]
        assert content["type"] == "output_text"
        assert "".join(e["delta"] for e in wire.events if e["type"] == "response.output_text.delta") == content["text"]
        assert not any("audio" in kind for kind in wire.types())


def test_an_answer_beside_the_conversation_leaves_no_item(live: Live) -> None:
    with live.call() as wire:
        wire.write()
        wire.until("conversation.item.done")
        before = len(wire.events)
        wire.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
        done = wire.until("response.done")
        assert done["response"]["conversation_id"] is None
        assert not any(e["type"].startswith("conversation.item.") for e in wire.events[before:])


def test_items_can_be_retrieved_and_deleted(live: Live) -> None:
    with live.call() as wire:
        wire.write("hello", id="item_mine")
        wire.send("conversation.item.retrieve", item_id="item_mine")
        assert wire.until("conversation.item.retrieved")["item"]["content"][0]["text"] == "hello"
        wire.send("conversation.item.delete", item_id="item_mine")
        assert wire.until("conversation.item.deleted")["item_id"] == "item_mine"


def test_transcripts_are_not_sent_where_they_were_turned_off(live: Live) -> None:
    with live.call() as wire:
        wire.update(audio={"input": {"transcription": None}})
        wire.speak()
        wire.until("response.done")
        assert not any("transcription" in kind for kind in wire.types())


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_telephone_audio_goes_both_ways(live: Live, name: FormatName) -> None:
    with live.call() as wire:
        wire.update(audio={"input": {"format": {"type": name}}, "output": {"format": {"type": name}}})
        codec = AudioOutput(name)
        for samples in (voice(0.6), np.zeros(RATE_HZ, np.int16)):
            piece = codec.encode(samples, RATE_HZ)
            wire.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
        done = wire.until("response.done")
        assert done["response"]["audio"]["output"]["format"] == {"type": name}
        deltas = [base64.b64decode(e["delta"]) for e in wire.events if e["type"] == "response.output_audio.delta"]
        words = done["response"]["output"][0]["content"][0]["transcript"].split()
        assert sum(map(len, deltas)) == pytest.approx(0.04 * 8000 * len(words), abs=160)
        assert max(map(len, deltas)) <= 800


def test_a_format_changed_in_the_middle_of_an_answer_is_for_the_next(live: Live) -> None:
    with running(tts__options__word_s=0.2) as slow, slow.call() as wire:
        wire.write()
        wire.send("response.create")
        wire.until("response.output_audio.delta")
        wire.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
        done = wire.until("response.done")
        assert done["response"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
        words = done["response"]["output"][0]["content"][0]["transcript"].split()
        assert len(audio_of(wire.events)) == int(0.2 * RATE_HZ) * len(words)


def test_empathy_events_come_only_when_asked_for(live: Live) -> None:
    with live.call() as wire:
        wire.speak()
        wire.until("response.done")
        assert not any(kind.startswith("empathy.") for kind in wire.types())
        wire.update(empathy={"events": True})
        wire.speak()
        wire.until("empathy.cues")
        wire.until("response.done")


# -- doors -----------------------------------------------------------------------------------------


def test_the_subprotocol_is_echoed_when_offered_and_the_key_in_it_counts(locked: Live) -> None:
    offers = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.sk-right"), Subprotocol("tag.1")]
    with locked.call(subprotocols=offers) as wire:
        assert wire.socket.subprotocol == "realtime"


def test_hostile_row_04_no_subprotocol_is_echoed_that_is_not_ours(live: Live) -> None:
    with live.call(subprotocols=[Subprotocol("chat"), Subprotocol("openai-insecure-api-key.x")]) as wire:
        assert wire.socket.subprotocol is None


@pytest.mark.parametrize("headers", [{}, bearer("sk-wrong"), {"Authorization": "sk-right"}, bearer("ek_made_up")])
def test_hostile_row_01_without_the_right_key_there_is_no_upgrade(locked: Live, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused, locked.call(additional_headers=headers):
        pass
    response = refused.value.response
    assert response.status_code == 401
    assert json.loads(response.body or b"")["error"]["code"] == "invalid_api_key"


def test_hostile_row_02_client_secrets_open_only_the_socket_and_only_in_time(live: Live) -> None:
    secret = live.post("/v1/realtime/client_secrets", json={}).json()["value"]
    assert live.get("/v1/models", headers=bearer(secret)).status_code == 401
    with live.call(additional_headers=bearer(secret)):
        pass
    live.server._app.state.server.door._clock = lambda: time.time() + 700
    try:
        for stale in (secret, "ek_made_up"):
            with pytest.raises(InvalidStatus) as refused, live.call(additional_headers=bearer(stale)):
                pass
            assert refused.value.response.status_code == 401
    finally:
        live.server._app.state.server.door._clock = time.time


def test_hostile_row_04_a_key_in_the_address_opens_nothing(locked: Live) -> None:
    with pytest.raises(InvalidStatus), locked.call(query="?api_key=sk-right"):
        pass


@pytest.mark.parametrize(
    ("origin", "enters"),
    [("https://app.example", True), ("https://evil.example", False), ("null", False), ("http://app.example", False)],
)
def test_hostile_row_03_only_pages_of_allowed_origins_come_in(locked: Live, origin: str, enters: bool) -> None:
    options = {"origin": Origin(origin), "additional_headers": bearer("sk-right")}
    if enters:
        with locked.call(**options):
            return
    with pytest.raises(InvalidStatus) as refused, locked.call(**options):
        pass
    assert refused.value.response.status_code == 403


def test_an_open_server_lets_its_own_pages_in_but_no_name_pointed_at_it(live: Live) -> None:
    with live.call(origin=Origin(f"http://127.0.0.1:{live.port}")):
        pass
    name = f"evil.example:{live.port}"
    line = socket.create_connection(("127.0.0.1", live.port))
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{name}/v1/realtime", sock=line, origin=Origin(f"http://{name}"), proxy=None)
    assert refused.value.response.status_code == 403


def test_hostile_row_08_sessions_are_counted_by_key_and_in_all(locked: Live) -> None:
    with locked.call(additional_headers=bearer("sk-right")), locked.call(additional_headers=bearer("sk-right")):
        with pytest.raises(InvalidStatus) as refused, locked.call(additional_headers=bearer("sk-right")):
            pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"]
        with locked.call(additional_headers=bearer("sk-other")):
            assert locked.get("/ready").status_code == 503
            assert locked.get("/health").status_code == 200
            with pytest.raises(InvalidStatus) as full, locked.call(additional_headers=bearer("sk-other")):
                pass
            assert full.value.response.status_code == 503
    eventually(lambda: locked.get("/ready").status_code == 200, "the places are not free again")


def test_a_client_secret_opens_sessions_of_its_own_kind(locked: Live) -> None:
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": {"type": "realtime", "voice": "nova"}}
    secret = locked.post("/v1/realtime/client_secrets", json=body, headers=bearer("sk-right")).json()
    assert secret["value"].startswith("ek_")
    assert secret["session"]["audio"]["output"]["voice"] == "nova"
    with locked.call(additional_headers=bearer(secret["value"])) as wire:
        assert wire.events[0]["session"]["audio"]["output"]["voice"] == "nova"
    assert locked.get("/v1/models", headers=bearer(secret["value"])).status_code == 401


# -- the beta dialect -------------------------------------------------------------------------------

BETA = {"OpenAI-Beta": "realtime=v1"}


def test_hostile_row_32_the_beta_header_brings_beta_names_and_flat_sessions_and_no_others(live: Live) -> None:
    with live.call(additional_headers=BETA) as wire:
        assert wire.events[0]["session"]["modalities"] == ["text", "audio"]
        assert "audio" not in wire.events[0]["session"]
        updated = wire_update(wire, {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}})
        assert updated["session"]["turn_detection"]["silence_duration_ms"] == 300
        wire.speak()
        done = wire.until("response.done")
        kinds = set(wire.types())
        assert {"response.audio.delta", "response.audio_transcript.done", "conversation.item.created"} <= kinds
        assert not any("output_audio" in kind or "output_text" in kind for kind in kinds)
        assert not kinds & {"conversation.item.added", "conversation.item.done"}
        assert done["response"]["output"][0]["content"][0]["type"] == "audio"


def test_hostile_row_32_without_the_header_flat_fields_are_taken_and_answered_in_ga(live: Live) -> None:
    with live.call() as wire:
        updated = wire_update(wire, {"modalities": ["text"], "voice": "shimmer"})
        assert updated["session"]["output_modalities"] == ["text"]
        assert updated["session"]["audio"]["output"]["voice"] == "shimmer"
        assert "modalities" not in updated["session"]


def wire_update(wire: Wire, session: dict[str, object]) -> dict[str, dict[str, object]]:
    wire.send("session.update", session=session)
    return wire.until("session.updated")


# -- ends -------------------------------------------------------------------------------------------


def test_a_session_that_lasts_too_long_or_says_nothing_is_closed_with_a_reason() -> None:
    with running(server__session_s=0.4) as short, short.call() as wire:
        assert wire.until("error")["error"]["code"] == "session_expired"
        assert closed(wire) == (1001, "the session has reached its longest time")
    with running(server__idle_s=0.4) as silent, silent.call() as wire:
        assert closed(wire) == (1001, "nothing was heard for too long")


def test_hostile_row_36_a_stopping_server_lets_an_answer_end_and_says_goodbye() -> None:
    with running(tts__options__word_s=0.1) as server, server.call() as idle, server.call() as busy:
        busy.write()
        busy.send("response.create")
        busy.until("response.output_audio.delta")
        server.server.should_exit = True
        assert closed(idle)[0] == 1001
        assert busy.until("response.done")["response"]["status"] == "completed"
        assert closed(busy) == (1001, "the server is stopping")


def test_hostile_row_34_nothing_is_left_of_clients_that_vanish(live: Live) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))

    vanish(live, 5)
    eventually(lambda: live.get("/ready").json()["sessions"] == 0, "sessions are left over")
    tasks, open_files = live.tasks(), files()
    vanish(live, 200)
    eventually(lambda: live.get("/ready").json()["sessions"] == 0, "sessions are left over")
    eventually(lambda: live.tasks() <= tasks, f"{live.tasks()} tasks, {tasks} before")
    eventually(lambda: files() <= open_files, f"{files()} open files, {open_files} before")


def vanish(live: Live, times: int) -> None:
    """Clients that leave in the middle of an answer, half of them without a word."""
    for index in range(times):
        with live.call() as wire:
            wire.write()
            wire.send("response.create")
            wire.until("response.created")
            if index % 2:
                wire.socket.socket.shutdown(socket.SHUT_RDWR)


def test_a_bug_of_ours_closes_its_own_socket_only(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bug(Exception):
        pass

    def broken(*_: object) -> None:
        raise Bug

    with live.call() as bystander, live.call() as wire:
        monkeypatch.setattr(Encoder, "error", broken)
        wire.raw("{")
        assert closed(wire) == (1011, "internal error")
        monkeypatch.undo()
        assert bystander.text_turn()["response"]["status"] == "completed"


def closed(wire: Wire) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as end:
        wire.until("the end")
    assert end.value.rcvd is not None
    return end.value.rcvd.code, end.value.rcvd.reason


def test_silence_is_no_turn(live: Live) -> None:
    with live.call() as wire:
        wire.append(np.zeros(3 * RATE_HZ, np.int16))
        assert wire.text_turn()["response"]["status"] == "completed"
        assert "input_audio_buffer.speech_started" not in wire.types()

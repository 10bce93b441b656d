"""The HTTP endpoints over a real socket, with scripted models: shapes, streams, limits, and errors like OpenAI's."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from affetto.models.errors import Failed, Overloaded
from affetto.models.labels import Need
from affetto.server.media import MEDIA_TYPES, read_audio
from live import Live, running, voice

KEY = {"Authorization": "Bearer sk-right"}
HELLO = [{"role": "user", "content": "I lost my keys."}]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(server__api_keys=["sk-right"], server__upload_mib=1, server__audio_s=30) as server:
        yield server


def chat(live: Live, **body: Any) -> httpx.Response:
    return live.post("/v1/chat/completions", json={"model": "affetto", "messages": HELLO, **body}, headers=KEY)


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def wav(seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, voice(seconds), 24_000, format="WAV")
    return file.getvalue()


# -- chat -------------------------------------------------------------------------------------------


def test_a_completion_says_what_it_rests_on(live: Live) -> None:
    completion = chat(live).json()
    choice = completion["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "That sounds like a long day. What was the hardest part?"
    assert choice["finish_reason"] == "stop"
    assert completion["empathy"]["appraisal"]["need"] in set(Need)
    assert completion["usage"]["total_tokens"] > completion["usage"]["completion_tokens"] > 0
    assert completion["object"] == "chat.completion"


def test_a_stream_ends_with_done_and_usage_comes_only_when_asked_for(live: Live) -> None:
    plain = chunks(chat(live, stream=True))
    assert plain[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in plain)
    assert said == "That sounds like a long day. What was the hardest part?"
    assert [chunk["choices"][0]["finish_reason"] for chunk in plain][-2:] == [None, "stop"]
    assert "empathy" in plain[-1]
    assert not any("usage" in chunk for chunk in plain)
    counted = chunks(chat(live, stream=True, stream_options={"include_usage": True}))
    assert counted[-1]["choices"] == []
    assert counted[-1]["usage"]["total_tokens"] > 0
    assert len({chunk["id"] for chunk in counted}) == 1


def test_a_completion_that_was_cut_says_so(live: Live) -> None:
    assert chat(live, max_tokens=3).json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "hm"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 20_001}]}, "messages.0.content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": HELLO, "n": 3}, "n"),
        ({"messages": HELLO, "max_tokens": 0}, "max_tokens"),
        ({"messages": "hello"}, "messages"),
        ({}, "messages"),
    ],
)
def test_bad_chat_requests_name_the_parameter(live: Live, body: dict[str, Any], param: str) -> None:
    response = live.post("/v1/chat/completions", json={"model": "affetto", **body}, headers=KEY)
    error = response.json()["error"]
    assert response.status_code == 400
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("content", [b"", b"{", b"[1", b'{"messages": NaN}', b"\xff\xfe", b'{"messages":"\\ud800"}'])
def test_bodies_that_are_no_json_are_refused(live: Live, content: bytes) -> None:
    response = live.post("/v1/chat/completions", content=content, headers={**KEY, "content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


class BrokenChat:
    """A chat model that fails after some words."""

    def __init__(self, words: int, error: Exception) -> None:
        self._words, self._error = words, error

    async def stream(self, messages: object, options: object) -> Any:
        from affetto.models.base import ChatDelta

        for _ in range(self._words):
            yield ChatDelta("Well, then. ")
        raise self._error


@pytest.mark.parametrize("error", [Failed("it broke"), Overloaded("too much to do")])
@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_model_that_fails_at_once_is_an_http_error(error: Exception, stream: bool) -> None:
    with running() as live, replaced(live, chat_model=BrokenChat(0, error)):
        response = chat(live, stream=stream)
        assert response.status_code == 503
        assert str(error) in response.json()["error"]["message"]
        assert response.headers["Retry-After"]


def replaced(live: Live, chat_model: object) -> Any:
    from contextlib import contextmanager
    from dataclasses import replace

    @contextmanager
    def swap() -> Iterator[None]:
        state = live.server._app.state
        state.server = replace(state.server, backends=replace(state.server.backends, chat=chat_model))
        yield

    return swap()


# -- speech and transcription -----------------------------------------------------------------------


@pytest.mark.parametrize("name", list(MEDIA_TYPES))
def test_a_text_is_spoken_in_every_format(live: Live, name: str) -> None:
    body = {"model": "affetto", "voice": "alloy", "input": "One two. Three four!", "response_format": name}
    response = live.post("/v1/audio/speech", json=body, headers=KEY)
    assert response.status_code == 200
    assert response.headers["content-type"] == MEDIA_TYPES[name]  # type: ignore[index]
    if name == "pcm":
        assert len(response.content) == 4 * int(0.04 * 24_000) * 2
    else:
        assert len(read_audio(response.content, 30)) / 16_000 == pytest.approx(0.16, abs=0.12)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 20_001}, "input"),
        ({"input": "hi", "response_format": "midi"}, "response_format"),
        ({"input": "hi", "speed": 9}, "speed"),
        ({"input": "hi", "voice": 5}, "voice"),
        ({"input": "hi", "stream_format": "sse"}, "stream_format"),
    ],
)
def test_bad_speech_requests_name_the_parameter(live: Live, body: dict[str, Any], param: str) -> None:
    response = live.post("/v1/audio/speech", json=body, headers=KEY)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def transcribe(live: Live, data: bytes, **fields: Any) -> httpx.Response:
    files = {"file": ("speech.wav", data)}
    return live.post("/v1/audio/transcriptions", files=files, data={"model": "whisper-1", **fields}, headers=KEY)


def test_a_recording_is_transcribed_in_each_form(live: Live) -> None:
    assert transcribe(live, wav()).json()["text"] == "I had a long day."
    text = transcribe(live, wav(), response_format="text")
    assert text.text == "I had a long day.\n"
    assert text.headers["content-type"].startswith("text/plain")
    verbose = transcribe(live, wav(2.0), response_format="verbose_json", language="en").json()
    assert verbose["duration"] == pytest.approx(2.0, abs=0.01)
    assert verbose["segments"][0]["text"] == verbose["text"]
    assert verbose["task"] == "transcribe"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"no audio" * 100, 400),
        (wav()[:50], 400),
        (np.zeros(2**19 + 30_000, np.int16).tobytes(), 413),
        (b"\0" * (4 * 2**20), 413),
    ],
    ids=["empty", "fake", "truncated", "too large", "far too large"],
)
def test_hostile_row_38_uploads(live: Live, data: bytes, status: int) -> None:
    response = transcribe(live, data)
    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_hostile_row_38_a_small_file_of_long_silence(live: Live) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000 * 600, np.int16), 16_000, format="FLAC")
    assert len(file.getvalue()) < 200_000
    response = transcribe(live, file.getvalue())
    assert response.status_code == 400
    assert "more than" in response.json()["error"]["message"]


def test_hostile_row_38_a_body_larger_than_it_says(live: Live) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(100):
            yield b'{"messages": "' + b"x" * 100_000

    headers = {**KEY, "content-type": "application/json"}
    response = httpx.post(f"{live.http}/v1/chat/completions", content=body(), headers=headers, timeout=15)
    assert response.status_code == 413


def test_transcription_needs_a_file_and_a_form_that_we_have(live: Live) -> None:
    assert live.post("/v1/audio/transcriptions", data={"model": "x"}, headers=KEY).status_code == 400
    assert transcribe(live, wav(), response_format="srt").json()["error"]["param"] == "response_format"
    assert transcribe(live, wav(), stream="true").json()["error"]["param"] == "stream"


# -- the rest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/affetto"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/v1/audio/transcriptions"),
        ("POST", "/v1/realtime/client_secrets"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": "Bearer ek_old"}])
def test_every_endpoint_asks_for_the_key(live: Live, method: str, path: str, headers: dict[str, str]) -> None:
    response = httpx.request(method, live.http + path, headers=headers, json={}, timeout=15)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"


def test_without_a_key_nothing_of_a_body_is_read(live: Live) -> None:
    head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: {2**20}\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as raw:
        raw.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 401")


def test_models_are_listed_and_found(live: Live) -> None:
    listed = live.get("/v1/models", headers=KEY).json()
    assert listed["object"] == "list"
    assert listed["data"][0]["id"] == "affetto"
    assert live.get("/v1/models/affetto", headers=KEY).json() == listed["data"][0]
    assert live.get("/v1/models/gpt-9", headers=KEY).json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"expires_after": {"anchor": "created_at", "seconds": 5}},
        {"expires_after": {"anchor": "sunset", "seconds": 60}},
        {"session": {"type": "realtime", "max_output_tokens": 0}},
        {"session": []},
    ],
)
def test_client_secrets_for_nonsense_are_not_given(live: Live, body: dict[str, Any]) -> None:
    response = live.post("/v1/realtime/client_secrets", json=body, headers=KEY)
    assert response.status_code == 400
    assert response.json()["error"]["param"]


def test_metrics_count_what_happened(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.raw("{")
        wire.until("error")
        wire.speak()
        wire.until("response.done")
        running_now = live.get("/metrics", headers=KEY).text
    assert "affetto_sessions 1.0" in running_now
    assert 'affetto_responses_total{status="completed"}' in running_now
    assert 'affetto_stage_seconds_count{stage="first_audio"}' in running_now
    assert 'affetto_refused_events_total{code="invalid_json"}' in running_now
    assert 'affetto_refused_clients_total{code="invalid_api_key"}' in running_now


def test_what_is_not_there_is_said_in_the_same_shape(live: Live) -> None:
    assert live.get("/v1/nothing", headers=KEY).json()["error"]["code"] == "not_found"
    assert live.get("/v1/chat/completions", headers=KEY).status_code == 405
    assert live.get("/openapi.json").status_code == 200


def test_readiness_tells_the_truth_about_a_backend(live: Live) -> None:
    class Fallen(BrokenChat):
        ready = False

    with running() as server, replaced(server, chat_model=Fallen(0, Failed("down"))):
        response = server.get("/ready")
        assert response.status_code == 503
        assert response.json()["backends"]["chat"] is False
        assert server.get("/health").status_code == 200

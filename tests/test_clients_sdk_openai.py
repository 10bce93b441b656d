"""The `openai` package, as it is: a spoken turn, a written one, and its calls over HTTP."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from openai import OpenAI
from openai.resources.realtime.realtime import RealtimeConnection

from live import RATE_HZ, Live, running, voice

# The package opens its socket in a way that websockets 17 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(server__api_keys=["sk-right"]) as server:
        yield server


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(api_key="sk-right", base_url=f"{live.http}/v1", max_retries=0, timeout=20) as openai_client:
        yield openai_client


def turn(connection: RealtimeConnection) -> dict[str, Any]:
    """Events until `response.done`: names in order, audio, captions, transcript."""
    seen: dict[str, Any] = {"types": [], "audio": b"", "captions": "", "heard": ""}
    for event in connection:
        seen["types"].append(event.type)
        if event.type == "response.output_audio.delta":
            seen["audio"] += base64.b64decode(event.delta)
        elif event.type in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            seen["captions"] += event.delta
        elif event.type == "conversation.item.input_audio_transcription.completed":
            seen["heard"] = event.transcript
        elif event.type == "error":
            raise AssertionError(event.error.message)
        elif event.type == "response.done":
            seen["response"] = event.response
            return seen
    raise AssertionError("the connection ended")


def test_a_spoken_turn(client: OpenAI) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Be kind.",
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
                    "output": {"voice": "marin"},
                },
            }
        )
        sound = np.concatenate([voice(0.8), np.zeros(RATE_HZ, np.int16)])
        for start in range(0, len(sound), RATE_HZ // 5):
            piece = base64.b64encode(sound[start : start + RATE_HZ // 5].tobytes()).decode()
            connection.input_audio_buffer.append(audio=piece)
        seen = turn(connection)
    assert seen["heard"] == "I had a long day."
    assert seen["response"].status == "completed"
    assert seen["response"].output[0].content[0].transcript == seen["captions"]
    assert len(seen["audio"]) > RATE_HZ // 5
    assert {"session.created", "session.updated", "input_audio_buffer.committed"} <= set(seen["types"])


def test_a_written_turn(client: OpenAI) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I got the job!"}]}
        )
        connection.response.create()
        seen = turn(connection)
    assert seen["captions"]
    assert seen["audio"] == b""


def test_an_interrupted_answer_is_cancelled_and_truncated(client: OpenAI) -> None:
    with running(tts__options__word_s=0.3) as slow:
        theirs = OpenAI(api_key="any", base_url=f"{slow.http}/v1")
        with theirs, theirs.realtime.connect(model="gpt-realtime") as connection:
            connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
            )
            connection.response.create()
            for event in connection:
                if event.type == "response.output_audio.delta":
                    connection.response.cancel()
                    item_id = event.item_id
                    break
            assert turn(connection)["response"].status_details.reason == "client_cancelled"
            connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=400)
            for event in connection:
                if event.type == "conversation.item.truncated":
                    break
            connection.conversation.item.retrieve(item_id=item_id)
            for event in connection:
                if event.type == "conversation.item.retrieved":
                    assert event.item.content[0].transcript in ("", "That")  # type: ignore[union-attr, index]
                    break


def test_an_error_ends_nothing(client: OpenAI) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.response.cancel(event_id="mine")
        for event in connection:
            if event.type == "error":
                assert (event.error.code, event.error.event_id) == ("response_cancel_not_active", "mine")
                break
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Still there?"}]}
        )
        connection.response.create(response={"output_modalities": ["text"]})
        assert turn(connection)["response"].status == "completed"


def test_a_wrong_key_is_told_as_such(live: Live) -> None:
    with OpenAI(api_key="sk-wrong", base_url=f"{live.http}/v1", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            stranger.models.list()
        with pytest.raises(Exception, match="401"), stranger.realtime.connect(model="gpt-realtime"):
            pass


def test_a_client_secret_opens_a_session(client: OpenAI, live: Live) -> None:
    secret = client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "realtime", "output_modalities": ["text"]},
    )
    browser = OpenAI(api_key=secret.value, base_url=f"{live.http}/v1")
    with browser, browser.realtime.connect(model="gpt-realtime") as connection:
        created = connection.recv()
        assert created.type == "session.created"
        assert created.session.output_modalities == ["text"]  # type: ignore[union-attr]


def test_chat_plain_and_streamed(client: OpenAI) -> None:
    plain = client.chat.completions.create(model="affetto", messages=[{"role": "user", "content": "I lost my keys."}])
    assert plain.choices[0].message.content
    assert plain.choices[0].finish_reason == "stop"
    assert plain.usage is not None
    assert plain.model_extra is not None
    assert plain.model_extra["empathy"]["appraisal"]["emotion"]
    stream = client.chat.completions.create(
        model="affetto",
        messages=[{"role": "system", "content": "Be kind."}, {"role": "user", "content": "I lost my keys."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == plain.choices[0].message.content
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []


def wav() -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, voice(1.0), RATE_HZ, format="WAV")
    file.name = "speech.wav"
    file.seek(0)
    return file


def test_transcription(client: OpenAI) -> None:
    assert client.audio.transcriptions.create(model="whisper-1", file=wav()).text == "I had a long day."
    text = client.audio.transcriptions.create(model="whisper-1", file=wav(), response_format="text")
    assert str(text).strip() == "I had a long day."
    verbose = client.audio.transcriptions.create(model="whisper-1", file=wav(), response_format="verbose_json")
    assert verbose.duration == pytest.approx(1.0, abs=0.01)


def test_speech(client: OpenAI) -> None:
    mp3 = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello there, how are you?")
    assert len(mp3.content) > 500
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Hello there, how are you?", response_format="pcm"
    ) as response:
        pcm = b"".join(response.iter_bytes())
    assert len(pcm) == 5 * int(0.04 * RATE_HZ) * 2

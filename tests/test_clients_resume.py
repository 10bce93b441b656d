"""Our client's calls outlive their lines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cable import Cable, cable

import affetto
from affetto.clients import lasting
from affetto.clients.connection import Call
from affetto.clients.errors import CallEnded
from affetto.clients.lasting import LastingSocket
from affetto.server.resumption import number_of
from live import Live, audio_of, eventually, running, voice

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(tts__options__word_s=0.1) as server:
        yield server


@pytest.fixture
def held(live: Live) -> Iterator[Cable]:
    with cable(live.port) as one:
        yield one
    eventually(lambda: live.get("/ready").json()["sessions"] == 0, "a session is left over")


async def until(call: Call, kind: str) -> list[dict[str, Any]]:
    """Events up to the first of a kind."""
    events = []
    async with asyncio.timeout(15):
        async for event in call:
            events.append(event)
            if event["type"] == kind:
                return events
    raise AssertionError(f"no {kind}")


def resumed(call: Call) -> int:
    assert isinstance(call._socket, LastingSocket)
    return call._socket.resumed


async def test_an_answer_goes_on_after_the_line_broke(held: Cable) -> None:
    async with affetto.connect(held.ws, resume=True) as call:
        await call.say("I lost my keys.", spoken=True)
        events = await until(call, "response.output_audio.delta")
        held.cut()
        events += await until(call, "response.done")
        assert resumed(call) == 1
    words = events[-1]["response"]["output"][0]["content"][0]["transcript"].split()
    assert len(audio_of(events)) == 2400 * len(words)
    numbers = [number_of(event) for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_what_was_sent_into_a_broken_line_arrives_once(held: Cable) -> None:
    async with affetto.connect(held.ws, resume=True, output_modalities=["text"]) as call:
        held.pull()  # nobody notices yet
        for index in range(5):
            content = [{"type": "input_text", "text": "x"}]
            item = {"type": "message", "role": "user", "id": f"i{index}", "content": content}
            await call.send("conversation.item.create", item=item)
        held.cut()
        await call.respond()
        events = await until(call, "response.done")
    added = [event["item"]["id"] for event in events if event["type"] == "conversation.item.added"]
    assert added[:5] == [f"i{index}" for index in range(5)]
    assert not [event for event in events if event["type"] == "error"]


async def test_words_spoken_while_there_is_no_line_are_heard(held: Cable) -> None:
    async with affetto.connect(held.ws, resume=True) as call:
        reading = asyncio.create_task(until(call, "response.done"))
        pieces = np.split(np.concatenate([voice(1), np.zeros(24_000, np.int16)]), 20)
        for index, piece in enumerate(pieces):
            if index == 4:
                held.cut(down=True)
            if index == 12:
                held.mend()
            await call.send_audio(piece)
            await asyncio.sleep(0)
        events = await reading
    assert [event["type"] for event in events].count("input_audio_buffer.speech_started") == 1
    completed = next(event for event in events if event["type"].endswith("transcription.completed"))
    assert completed["usage"]["seconds"] == pytest.approx(1.2, abs=0.4)


async def test_it_gives_up_when_no_line_can_be_had(held: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "COME_BACK_S", 0.5)
    async with affetto.connect(held.ws, resume=True) as call:
        held.cut(down=True)
        with pytest.raises(CallEnded, match="no other could be made"):
            await until(call, "never")
        held.mend()
        async with affetto.connect(held.ws, resume=False):
            pass
    # the server still waits for it: come back once, and leave
    socket = call._socket
    assert isinstance(socket, LastingSocket)
    again = await socket._open({"Affetto-Resume": socket._token, "Last-Event-ID": socket._last})
    await again.close()


async def test_a_session_that_is_over_is_told_at_once() -> None:
    with running(server__resume_s=0.2) as short, cable(short.port) as one:
        async with affetto.connect(one.ws, resume=True) as call:
            one.cut(down=True)
            reading = asyncio.create_task(until(call, "never"))
            await asyncio.to_thread(
                eventually, lambda: short.get("/ready").json()["sessions"] == 0, "the session is kept"
            )
            one.mend()
            with pytest.raises(CallEnded, match="This session is over"):
                await reading


async def test_without_asking_a_broken_line_ends_the_call(held: Cable) -> None:
    async with affetto.connect(held.ws) as call:
        held.cut()
        with pytest.raises(CallEnded, match="the connection broke"):
            await until(call, "never")

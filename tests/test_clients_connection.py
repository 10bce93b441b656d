"""Calls over real sockets, to a server that says what it is told to."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve

import affetto
from affetto.clients.connection import endpoint
from affetto.clients.errors import CallEnded, CannotConnect, ServerError

pytestmark = pytest.mark.anyio

Handler = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's side of a call."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.headers = connection.request.headers if connection.request else {}

    async def read(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(await self._connection.recv())
        return event

    async def tell(self, kind: str, **fields: Any) -> None:
        await self._connection.send(json.dumps({"type": kind, "event_id": "e", **fields}))

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def cut(self) -> None:
        self._connection.transport.abort()

    async def answer(self, text: str, status: str = "completed") -> None:
        output = [{"content": [{"type": "output_text", "text": text}]}]
        await self.tell("response.created", response={"status": "in_progress"})
        await self.tell("response.output_text.delta", delta=text)
        await self.tell("response.done", response={"status": status, "output": output})


async def nothing(peer: Peer) -> None:
    await peer.read()


@asynccontextmanager
async def serving(handler: Handler = nothing, **options: Any) -> AsyncIterator[str]:
    async def handle(connection: ServerConnection) -> None:
        peer = Peer(connection)
        await peer.tell("session.created", session={"model": "affetto"})
        await handler(peer)

    async with serve(handle, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ws://h:8600", "ws://h:8600/v1/realtime"),
        ("http://h:8600", "ws://h:8600/v1/realtime"),
        ("https://h/v1/", "wss://h/v1/realtime"),
        ("h:8600", "ws://h:8600/v1/realtime"),
        ("wss://h/v1/realtime?model=x", "wss://h/v1/realtime?model=x"),
        ("wss://h/behind/a/proxy", "wss://h/behind/a/proxy/v1/realtime"),
    ],
)
def test_takes_addresses_as_people_type_them(typed: str, meant: str) -> None:
    assert endpoint(typed) == meant


async def test_a_written_exchange() -> None:
    received: list[dict[str, Any]] = []

    async def handler(peer: Peer) -> None:
        received.extend([await peer.read(), await peer.read()])
        await peer.answer("Well done!")

    async with serving(handler) as url, affetto.connect(url) as call:
        await call.say("I got the job!", spoken=False)
        turn = await call.turn()

    assert (turn.reply, turn.status) == ("Well done!", "completed")
    assert call.session == {"model": "affetto"}
    assert [event["type"] for event in received] == ["conversation.item.create", "response.create"]
    assert received[0]["item"]["content"] == [{"type": "input_text", "text": "I got the job!"}]
    assert received[1]["response"] == {"output_modalities": ["text"]}


async def test_sends_sound_as_array_or_bytes() -> None:
    received: list[bytes] = []

    async def handler(peer: Peer) -> None:
        received.extend([base64.b64decode((await peer.read())["audio"]) for _ in range(2)])

    async with serving(handler) as url, affetto.connect(url) as call:
        await call.send_audio(np.array([1, -2], np.int16))
        await call.send_audio(b"\x01\x00\xfe\xff")
        assert [event async for event in call] == []

    assert received == [b"\x01\x00\xfe\xff"] * 2


async def test_shows_the_key_and_tells_what_the_session_is_to_be() -> None:
    seen: dict[str, Any] = {}

    async def handler(peer: Peer) -> None:
        seen["key"] = peer.headers["Authorization"]
        seen["update"] = await peer.read()
        await peer.tell("session.updated", session={"instructions": "Be kind."})

    async with serving(handler) as url, affetto.connect(url, api_key="k", instructions="Be kind.") as call:
        assert call.session == {"instructions": "Be kind."}

    assert seen["key"] == "Bearer k"
    assert seen["update"]["session"] == {"type": "realtime", "instructions": "Be kind."}


async def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    async def handler(peer: Peer) -> None:
        keys.append(peer.headers["Authorization"])

    async with serving(handler) as url:
        monkeypatch.setenv("AFFETTO_URL", url)
        monkeypatch.setenv("AFFETTO_KEY", "secret")
        async with affetto.connect() as call:
            assert [event async for event in call] == []

    assert keys == ["Bearer secret"]


async def test_a_session_that_is_refused_says_why() -> None:
    async def handler(peer: Peer) -> None:
        await peer.read()
        await peer.tell("error", error={"message": "Invalid value for 'session.voice'.", "code": "invalid_value"})

    async with serving(handler) as url:
        with pytest.raises(ServerError, match=r"session\.voice") as caught:
            async with affetto.connect(url, voice=3):
                pass
    assert caught.value.code == "invalid_value"


async def test_an_error_instead_of_an_answer_is_raised_and_the_call_goes_on() -> None:
    async def handler(peer: Peer) -> None:
        await peer.read()
        await peer.tell("error", error={"message": "too long", "code": "string_above_max_length"})
        await peer.read()
        await peer.answer("Here I am.")

    async with serving(handler) as url, affetto.connect(url) as call:
        await call.respond()
        with pytest.raises(ServerError, match="too long"):
            await call.turn()
        await call.respond()
        assert (await call.turn()).reply == "Here I am."


async def test_an_error_beside_an_answer_is_kept_with_it() -> None:
    async def handler(peer: Peer) -> None:
        await peer.tell("response.created", response={"status": "in_progress"})
        await peer.tell("error", error={"message": "speech failed"})
        await peer.answer("In writing, then.")

    async with serving(handler) as url, affetto.connect(url) as call:
        assert (await call.turn()).errors == ("speech failed",)


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CannotConnect, match="start one with `affetto serve`"):
        async with affetto.connect(f"ws://127.0.0.1:{port}"):
            pass


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"", "asks for a key"),
        (429, b'{"error": {"message": "Too many sessions at once."}}', "Too many sessions"),
        (404, b"<html>", "is it an Affetto server"),
    ],
)
async def test_says_why_it_was_not_let_in(status: int, body: bytes, message: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus(status), "")
        response.body = body
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body))
        return response

    async with serving(process_request=refuse) as url:
        with pytest.raises(CannotConnect, match=message):
            async with affetto.connect(url):
                pass


async def test_an_address_that_is_none() -> None:
    with pytest.raises(CannotConnect, match="no address"):
        async with affetto.connect("ftp://example"):
            pass


async def test_the_events_end_when_the_server_says_goodbye() -> None:
    async def handler(peer: Peer) -> None:
        await peer.tell("rate_limits.updated")
        await peer.close(1001, "the server is stopping")

    async with serving(handler) as url, affetto.connect(url) as call:
        assert [event["type"] async for event in call] == ["rate_limits.updated"]
        with pytest.raises(CallEnded, match="the server is stopping"):
            await call.turn()


async def test_a_line_that_breaks_raises() -> None:
    async def handler(peer: Peer) -> None:
        peer.cut()

    async with serving(handler) as url, affetto.connect(url) as call:
        with pytest.raises(CallEnded, match="broke"):
            await anext(call)
        with pytest.raises(CallEnded):
            await call.say("hello?")


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with serving() as url, affetto.connect(url) as call:
        with pytest.raises(TimeoutError):
            await call.turn(timeout_s=0.05)

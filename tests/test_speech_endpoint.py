"""A voice behind an OpenAI-compatible endpoint, held to our own server's and to ones that fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from affetto.models.base import Speech, Style
from affetto.models.errors import BackendError, Failed, Overloaded, Unavailable
from affetto.models.labels import Tone
from affetto.models.store import Store
from affetto.models.tts.openai import OpenAISpeech, Options
from live import running


def spoken(options: dict[str, Any], text: str, voice: str = "default", style: Style | None = None) -> list[Speech]:
    async def all_of_it() -> list[Speech]:
        async with OpenAISpeech(Options.model_validate(options), Store()) as backend:
            return [piece async for piece in backend.stream(text, voice=voice, style=style or Style())]

    return asyncio.run(all_of_it())


def test_our_own_server_is_such_an_endpoint() -> None:
    with running() as server:
        pieces = spoken({"base_url": f"{server.http}/v1"}, "Well done, you. What happened then?")
        assert {piece.rate_hz for piece in pieces} == {24_000}
        sound = np.concatenate([piece.samples for piece in pieces])
        assert len(sound) > 4_000
        softer = np.concatenate([p.samples for p in spoken({"base_url": f"{server.http}/v1"}, "Well done, you.",
                                                            style=Style(energy_db=-6))])  # fmt: skip
        assert np.abs(softer).max() < 0.6 * np.abs(sound).max()
        assert spoken({"base_url": f"{server.http}/v1"}, "<b/> 😀") == []


class Endpoint(BaseHTTPRequestHandler):
    status, body, asked = 200, b"", b""

    def do_POST(self) -> None:
        type(self).asked = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def endpoint(status: int, body: bytes = b"") -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("Answering", (Endpoint,), {"status": status, "body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (401, Unavailable, "refuses.*tts.options"),
        (404, Unavailable, "refuses"),
        (429, Overloaded, "full"),
        (503, Overloaded, "full"),
        (500, Failed, "failed.*broken"),
    ],
)
def test_what_an_endpoint_refuses_is_told(status: int, error: type[BackendError], told: str) -> None:
    with endpoint(status, b"broken") as (url, _), pytest.raises(error, match=told):
        spoken({"base_url": url}, "Hello.")


def test_no_endpoint_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        spoken({"base_url": "http://127.0.0.1:9/v1"}, "Hello.")
    with pytest.raises(Failed, match="no voice 'nobody'"):
        spoken({}, "Hello.", voice="nobody")


def test_the_tone_goes_along_in_words_and_an_odd_byte_is_dropped() -> None:
    with endpoint(200, b"\x00\x10" * 7000 + b"\x01") as (url, handler):
        pieces = spoken({"base_url": url}, "Oh no.", style=Style(Tone.SERIOUS))
        assert sum(len(piece.samples) for piece in pieces) == 7000
        assert b'"speed":0.95' in handler.asked
        assert b"Speak seriously" in handler.asked
        spoken({"base_url": url, "instructions": False}, "Oh no.", style=Style(Tone.SERIOUS))
        assert b"instructions" not in handler.asked

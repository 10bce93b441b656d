"""A server of scripted models in a thread, and a client that speaks to it over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import ClientConnection, connect

from affetto.server import serving
from affetto.server.settings import load

RATE_HZ = 24_000
WAIT_S = 15.0
START_S = 120.0
"""Real models take long to load on a busy machine."""
Event = dict[str, Any]


@dataclass
class Live:
    """A running server."""

    port: int
    server: serving.Server
    loop: asyncio.AbstractEventLoop

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    @contextmanager
    def call(self, *, query: str = "", **options: Any) -> Iterator[Wire]:
        options = {"compression": None, "proxy": None, **options}
        with connect(self.ws + query, open_timeout=WAIT_S, max_size=2**24, **options) as socket:
            wire = Wire(socket)
            wire.until("session.created")
            yield wire

    def tasks(self) -> int:
        """Tasks of the server that have not ended."""
        return len(asyncio.all_tasks(self.loop))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.http + path, **{"timeout": WAIT_S, "trust_env": False, **options})

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return httpx.delete(self.http + path, **{"timeout": WAIT_S, "trust_env": False, **options})

    def post(self, path: str, **options: Any) -> httpx.Response:
        return httpx.post(self.http + path, **{"timeout": WAIT_S, "trust_env": False, **options})


@dataclass
class Wire:
    """A raw client: sends events or text, keeps all it was sent."""

    socket: ClientConnection
    events: list[Event] = field(default_factory=list)

    def send(self, kind: str, **fields: Any) -> None:
        self.raw(json.dumps({"type": kind, **fields}))

    def raw(self, frame: str | bytes) -> None:
        self.socket.send(frame)

    def next(self, timeout_s: float = WAIT_S) -> Event:
        """The next event; raises TimeoutError."""
        event: Event = json.loads(self.socket.recv(timeout_s))
        self.events.append(event)
        return event

    def until(self, *kinds: str, timeout_s: float = WAIT_S) -> Event:
        """The next event of these kinds; what comes before it is kept in `events`."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {kinds} in {timeout_s} s after {[e['type'] for e in self.events[-8:]]}")
            event = self.next(left)
            if event["type"] in kinds:
                return event

    def update(self, **session: Any) -> Event:
        self.send("session.update", session={"type": "realtime", **session})
        return self.until("session.updated")

    def write(self, text: str = "I lost my keys.", **item: Any) -> None:
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content, **item})

    def text_turn(self, text: str = "I lost my keys.") -> Event:
        """A whole written turn; gives its `response.done`."""
        self.write(text)
        self.send("response.create", response={"output_modalities": ["text"]})
        return self.until("response.done")

    def append(self, samples: NDArray[np.int16]) -> None:
        self.send("input_audio_buffer.append", audio=base64.b64encode(samples.astype("<i2").tobytes()).decode())

    def speak(self, seconds: float = 0.6, silence_s: float = 1.0) -> None:
        """A voice (to the scripted VAD) and silence, as fast as it goes."""
        sound = np.concatenate([voice(seconds), np.zeros(int(silence_s * RATE_HZ), np.int16)])
        for start in range(0, len(sound), RATE_HZ // 10):
            self.append(sound[start : start + RATE_HZ // 10])

    def errors(self) -> list[Event]:
        return [event["error"] for event in self.events if event["type"] == "error"]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def expect_error(self, event_id: str | None = None) -> Event:
        """The one error that the last thing sent brings; then the session still completes a turn."""
        before = len(self.errors())
        error: Event = self.until("error")["error"]
        assert error.get("event_id") == event_id
        assert error["type"] == "invalid_request_error"
        assert self.text_turn()["response"]["status"] == "completed"
        assert len(self.errors()) == before + 1, self.errors()
        return error


def voice(seconds: float) -> NDArray[np.int16]:
    """What the scripted VAD takes for a voice, int16 at 24 kHz."""
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.int16)


def audio_of(events: list[Event]) -> NDArray[np.int16]:
    """All PCM that was sent."""
    deltas = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    return np.frombuffer(b"".join(base64.b64decode(delta) for delta in deltas), "<i2")


@contextmanager
def running(**overrides: Any) -> Iterator[Live]:
    """A server of scripted models on a free port; `server__port=1` overrides server.port."""
    given: dict[str, Any] = {"profile": "scripted", "tts.options.word_s": 0.04, "duplex.openers": False}
    given["server.admission"] = False  # the machines that run tests are late all the time
    if "profile" in overrides:
        del given["tts.options.word_s"]
    given |= {key.replace("__", "."): value for key, value in overrides.items()}
    listening = serving.listen("127.0.0.1", 0)
    server = serving.server(load(None, given))
    failed: list[BaseException] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve([listening])

    def run() -> None:
        try:
            serving.run(serve())
        except BaseException as error:  # noqa: BLE001 - shown by whoever waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        _wait_until(lambda: server.started or bool(failed), "the server has not started", START_S)
        if failed:
            raise failed[0]
        yield Live(listening.getsockname()[1], server, loops[0])
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
    if failed:
        raise failed[0]


def eventually(condition: Any, what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for what another thread brings about."""
    _wait_until(condition, what, timeout_s)


def _wait_until(condition: Any, what: str, timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)

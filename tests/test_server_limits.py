"""What nobody may have too much of: frames, events, requests, connections, time. On real sockets, as attackers do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_server_hostile import deaf_client
from test_server_hostile_rows import closing_code, wait_for
from websockets.frames import Frame, Opcode

from affetto.server import rest, transport
from affetto.server.limits import MOST_NAMES, Allowance, Allowances, Crowd, neighbourhood
from live import WAIT_S, Live, eventually, running


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running() as server:
        yield server


def protocol_of(live: Live) -> transport.WebSocketProtocol:
    """The server's end of the newest WebSocket."""
    found = [c for c in live.server.server_state.connections if isinstance(c, transport.WebSocketProtocol)]
    return found[-1]


def frames(opcode: Opcode, data: bytes, count: int, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True) * count


# -- frames -----------------------------------------------------------------------------------------


def test_a_client_that_pings_and_does_not_read_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "FRAMES_PER_S", 10**6)
    with running() as live, deaf_client(live) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wait_for(deaf, b"session.created")
        end = protocol_of(live)
        pings = frames(Opcode.PING, b"x" * 125, 2000)
        for _ in range(60):  # 15 MB, more than both kernels' buffers hold
            deaf.sendall(pings)
        assert end.transport.get_write_buffer_size() < 200_000


def test_pings_come_no_faster_than_they_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "FRAMES_PER_S", 500)
    with running() as live, live.call() as bystander, deaf_client(live) as raw:
        wait_for(raw, b"session.created")
        began = time.monotonic()
        raw.sendall(frames(Opcode.PING, b"a", 2000) + frames(Opcode.PING, b"last", 1))
        assert bystander.text_turn()["response"]["status"] == "completed"
        wait_for(raw, b"last")
        assert time.monotonic() - began > 2, "1500 of them must wait, at 500 a second"


@pytest.mark.parametrize("data", [b"", b" "], ids=["empty", "single bytes"])
def test_crumbs_of_a_message_are_put_together(live: Live, data: bytes) -> None:
    with deaf_client(live) as raw:
        wait_for(raw, b"session.created")
        end = protocol_of(live)
        raw.sendall(frames(Opcode.TEXT, b" ", 1, fin=False) + frames(Opcode.CONT, data, 1500, fin=False))
        eventually(lambda: end._may_read < transport.FRAMES_PER_S - 1400, "they are not read")
        assert len(end.frames) <= transport.MOST_FRAGMENTS + 1
        raw.sendall(frames(Opcode.CONT, b'{"type":"input_audio_buffer.clear"}', 1))
        wait_for(raw, b"input_audio_buffer.cleared")


def test_a_close_with_a_code_that_is_none_is_a_broken_protocol(live: Live) -> None:
    for payload in (b"\x03", b"\x03\xec", b"\x03\xe8\xff\xfe"):  # half a code, 1004, no UTF-8
        with deaf_client(live) as raw:
            wait_for(raw, b"session.created")
            raw.sendall(frames(Opcode.CLOSE, payload, 1))
            assert closing_code(raw) in (1002, 1007)


@pytest.mark.parametrize(
    "broken",
    [
        bytes([0x83]) + frames(Opcode.TEXT, b"{}", 1)[1:],
        bytes([0x09]) + frames(Opcode.PING, b"x", 1)[1:],
        bytes([0x89, 0xFE, 0x00, 0x7E]) + b"abcd" + b"x" * 126,
        frames(Opcode.CONT, b"{}", 1),
        frames(Opcode.TEXT, b"{", 1, fin=False) + frames(Opcode.TEXT, b"}", 1),
    ],
    ids=["unknown opcode", "a ping in parts", "a ping too long", "a fragment of nothing", "a message in a message"],
)
def test_frames_that_break_the_protocol_are_answered_by_1002(live: Live, broken: bytes) -> None:
    with live.call() as bystander, deaf_client(live) as raw:
        wait_for(raw, b"session.created")
        raw.sendall(broken)
        assert closing_code(raw) == 1002
        assert bystander.text_turn()["response"]["status"] == "completed"


def upgrade(method: str = "GET", *headers: str) -> bytes:
    head = [f"{method} /v1/realtime HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade", *headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


GOOD = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")


@pytest.mark.parametrize(
    "request_",
    [
        upgrade("POST", *GOOD),
        upgrade("GET", *GOOD, "Content-Length: 5") + b"hello",
        upgrade("GET", *GOOD, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        upgrade("GET", *GOOD, *(f"X-{number}: y" for number in range(200))),
        upgrade("GET", *GOOD, "X-Long: " + "y" * 9000),
        upgrade("GET", "Sec-WebSocket-Key: short", GOOD[1]),
        upgrade("GET", GOOD[0], "Sec-WebSocket-Version: 12"),
        upgrade("GET", *GOOD, *GOOD),
        upgrade("GET", *GOOD, "Content-Length: 5", "Content-Length: 6"),
        upgrade("GET", *GOOD, "Content-Length: 5", "Transfer-Encoding: chunked"),
        upgrade("GET", *GOOD).replace(b"Host: x", b"Host : x"),
        upgrade("GET", *GOOD).replace(b"\r\nUpgrade", b"\n Upgrade"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    ],
    ids=[
        "POST", "a body", "chunks", "200 headers", "a long header", "a short key", "version 12", "twice",
        "two lengths", "length and chunks", "a space", "folded", "TLS",
    ],
)  # fmt: skip
def test_a_handshake_that_is_none_opens_no_session_and_breaks_nothing(
    live: Live, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as raw:
        raw.settimeout(WAIT_S)
        raw.sendall(request_)
        received = b""
        while data := raw.recv(65536):
            received += data
            if b"\r\n\r\n" in received and b" 101 " not in received:
                break
            assert b"session.created" not in received
    assert b" 101 " not in received
    assert b" 500 " not in received
    assert "Traceback" not in caplog.text
    assert live.get("/health").status_code == 200


# -- events and requests ----------------------------------------------------------------------------


def test_events_beyond_the_rate_are_read_later_and_none_is_lost() -> None:
    with running(server__events_per_s=50) as live, live.call() as eager, live.call() as bystander:
        began = time.monotonic()
        for index in range(300):  # 200 may come at once
            eager.send("response.cancel", event_id=f"e{index}", response_id="none")
        assert bystander.text_turn()["response"]["status"] == "completed"
        for _ in range(300):
            eager.until("error")
        assert time.monotonic() - began > 1.5
        assert [error["event_id"] for error in eager.errors()] == [f"e{index}" for index in range(300)]


def test_requests_beyond_the_rate_are_refused_with_when_to_come_again() -> None:
    keys = {"server__api_keys": ["sk-right-and-long-enough", "sk-other-and-long-enough"]}
    with running(server__requests_per_s=0.2, **keys) as live:
        right, other = ({"Authorization": f"Bearer {key}"} for key in keys["server__api_keys"])
        answers = [live.get("/v1/models", headers=right) for _ in range(6)]
        assert [answer.status_code for answer in answers[:2]] == [200, 200]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert refused.headers["Retry-After"]
        wrong = [live.get("/v1/models", headers={"Authorization": "Bearer no"}).status_code for _ in range(6)]
        assert set(wrong) == {401, 429}
        assert live.get("/v1/models", headers=other).status_code == 200, "a stranger here costs nobody with a key"
        assert live.get("/health").status_code == 200


def test_an_address_has_only_so_many_connections() -> None:
    with running(server__connections_per_address=5, server__trusted_proxies=[]) as live:
        lines = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(8)]
        for line in lines:
            line.settimeout(0.5)
        try:
            turned_away = [line for line in lines if _ended(line)]
            assert len(turned_away) == 3
        finally:
            for line in lines:
                line.close()
        eventually(lambda: _answers(live), "the places of those that left are not free")
        with live.call() as wire:
            assert wire.text_turn()["response"]["status"] == "completed"


def _ended(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def _answers(live: Live) -> bool:
    try:
        return live.get("/health").status_code == 200
    except Exception:  # noqa: BLE001 - whatever the client makes of a closed connection
        return False


# -- time -------------------------------------------------------------------------------------------


def test_who_does_not_read_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TAKE_DEADLINE_S", 0.5)
    with running(server__text_chars=20_000) as live:
        body = json.dumps({"input": "word " * 3000, "model": "x", "voice": "x", "response_format": "wav"}).encode()
        head = "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}"
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", live.port))
            deaf.sendall(head.encode() + b"\r\n\r\n" + body)
            eventually(lambda: len(live.server.server_state.connections) > 0, "it has not come in")
            eventually(lambda: not live.server.server_state.connections, "it is still connected", 30)


def test_a_body_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch, live: Live) -> None:
    monkeypatch.setattr(rest, "BODY_DEADLINE_S", 0.3)
    with socket.create_connection(("127.0.0.1", live.port)) as slow:
        slow.settimeout(WAIT_S)
        slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert slow.recv(65536).startswith(b"HTTP/1.1 408 ")


# -- the measures themselves ------------------------------------------------------------------------


@given(st.floats(0.1, 1000), st.floats(1, 100), st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_an_allowance_gives_no_more_than_was_there_and_was_earned(
    per_s: float, most: float, waits: list[float]
) -> None:
    now = 0.0
    held = Allowance(per_s, most, lambda: now)
    taken = 0
    for wait in waits:
        now += wait
        taken += held.try_take()
    assert taken <= most + now * per_s + 1e-6


@given(st.floats(1, 1000), st.floats(1, 100), st.integers(1, 200))
def test_who_waits_as_told_is_never_faster_than_the_rate(per_s: float, most: float, count: int) -> None:
    now = 0.0
    held = Allowance(per_s, most, lambda: now)
    for _ in range(count):
        now += held.take()
    assert count <= most + now * per_s + 1e-6


def test_names_that_come_and_go_are_forgotten() -> None:
    held = Allowances(1, 1, lambda: 0.0)
    assert held.try_take("a")
    assert not held.try_take("a")
    for number in range(MOST_NAMES):
        held.try_take(str(number))
    assert len(held._held) == MOST_NAMES


def test_proxies_may_have_as_many_connections_as_they_like() -> None:
    crowd = Crowd(2, ["10.0.0.0/8", "::1", "proxy"])
    assert all(crowd.enter("10.1.2.3") for _ in range(9))
    assert [crowd.enter("203.0.113.9") for _ in range(3)] == [True, True, False]
    assert [crowd.enter(f"2001:db8::{number}") for number in range(3)] == [True, True, False]
    crowd.leave("203.0.113.9")
    assert crowd.enter("203.0.113.9")
    assert crowd.enter(None)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_is_counted_with_those_that_its_holder_has_anyway(address: str, counted: str) -> None:
    assert neighbourhood(address) == counted

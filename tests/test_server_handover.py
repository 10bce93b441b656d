"""Sessions that go on at another gateway: what comes along, who may, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cable import cable
from cryptography.fernet import Fernet
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

import affetto
from affetto.clients.lasting import LastingSocket
from affetto.models.base import Baseline, Cues
from affetto.pipelines.duplex.carried import Carried, packed, unpacked
from affetto.pipelines.duplex.history import Entry
from affetto.pipelines.duplex.items import Item
from affetto.pipelines.memory.database import MemoryGone
from affetto.pipelines.memory.sealing import Sealer
from affetto.server.auth import Guest, Secret
from affetto.server.handover import TAIL_BYTES, tail_of
from affetto.server.handover_store import HandoverGone, HandoverStore, Parked
from affetto.server.outbox import Said
from affetto.server.resumption import number_of
from affetto.server.shared_secrets import SharedSecrets
from live import Live, Wire, eventually, running, voice

PLAIN: dict[str, Any] = {"compression": None, "proxy": None}


def gateway(url: str, **more: Any) -> Any:
    return running(handover__enabled=True, handover__url=url, **{"memory__url": url, "server__grace_s": 5, **more})


@contextmanager
def back(live: Live, wire: Wire, **headers: str) -> Iterator[Wire]:
    with connect(live.ws, additional_headers=shown(wire) | headers, **PLAIN) as socket:
        again = Wire(socket)
        assert again.next()["type"] == "session.created"
        yield again


@contextmanager
def cut_off(live: Live) -> Iterator[Wire]:
    """Somebody whose line broke after a turn, and who may come back."""
    with cable(live.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire)
        wire.text_turn()
        held.cut()
        yield wire


def shown(wire: Wire) -> dict[str, str]:
    sessions = [event["session"] for event in wire.events if event["type"].startswith("session.")]
    return {"Affetto-Resume": sessions[-1]["empathy"]["resume_token"], "Last-Event-ID": wire.events[-1]["event_id"]}


def refused(live: Live, headers: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as denied, connect(live.ws, additional_headers=headers, **PLAIN):
        pass
    return denied.value.response.status_code, json.loads(denied.value.response.body or b"")["error"]["code"]


def resumable(wire: Wire, **session: Any) -> Wire:
    session["empathy"] = {"resume": True, **session.get("empathy", {})}
    wire.update(**session)
    return wire


def closed(wire: Wire) -> int:
    with pytest.raises(ConnectionClosed) as end:
        wire.until("never")
    assert end.value.rcvd is not None
    return int(end.value.rcvd.code)


def text_of(wire: Wire, item_id: str) -> str:
    wire.send("conversation.item.retrieve", item_id=item_id)
    part = wire.until("conversation.item.retrieved")["item"]["content"][0]
    return str(part.get("text") or part.get("transcript"))


def stop(live: Live) -> None:
    """As SIGTERM does."""
    live.server.should_exit = True


def rows(path: str) -> int:
    with closing(sqlite3.connect(path.removeprefix("sqlite:///"))) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'affetto_handover_1'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM affetto_handover_1").fetchone()[0]) if made else 0


# -- what comes along ------------------------------------------------------------------------------


def test_a_server_that_stops_sends_its_sessions_to_another(url: str) -> None:
    with gateway(url) as old, gateway(url) as new, old.call() as wire:
        wishes = {"acoustic": False, "user": "u1", "memory": True}
        resumable(wire, instructions="Speak of ships.", empathy=wishes)
        wire.write(id="item_mine")
        wire.send("response.create")
        said = wire.until("response.done")["response"]["output"][0]
        stop(old)
        assert closed(wire) == 1012
        with back(new, wire) as again:
            session = again.events[0]["session"]
            assert session["id"] == wire.events[0]["session"]["id"]
            assert session["instructions"] == "Speak of ships."
            assert {key: session["empathy"][key] for key in wishes} == wishes
            assert text_of(again, "item_mine") == "I lost my keys."
            assert text_of(again, said["id"]) == said["content"][0]["transcript"]
            assert again.text_turn()["response"]["status"] == "completed"
            events = [*wire.events, *again.events[1:]]
            assert [number_of(event) for event in events] == list(range(1, len(events) + 1))


def test_what_is_being_said_is_said_to_its_end_first(url: str) -> None:
    with gateway(url, tts__options__word_s=0.1) as old, gateway(url) as new, old.call() as wire:
        resumable(wire)
        wire.write()
        wire.send("response.create")
        wire.until("response.output_audio.delta")
        stop(old)
        assert wire.until("response.done")["response"]["status"] == "completed"
        assert closed(wire) == 1012
        with back(new, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_what_cannot_be_said_to_its_end_is_kept_as_far_as_it_was_heard(url: str) -> None:
    slow = {"tts__options__word_s": 2, "server__grace_s": 0.5}
    with gateway(url, **slow) as old, gateway(url) as new, old.call() as wire:
        resumable(wire)
        wire.write(id="item_mine")
        wire.send("response.create")
        wire.until("response.output_audio.delta")
        stop(old)
        assert closed(wire) == 1012
        with back(new, wire) as again:
            events = [*wire.events, *again.events]
            ends = [event["response"]["status"] for event in events if event["type"] == "response.done"]
            assert ends == ["cancelled"]
            assert text_of(again, "item_mine") == "I lost my keys."
            assert again.text_turn()["response"]["status"] == "completed"


def test_words_spoken_to_a_server_that_stops_are_heard_by_the_next(url: str) -> None:
    with gateway(url, server__grace_s=0.2) as old, gateway(url) as new, old.call() as wire:
        resumable(wire)
        said: list[Any] = [None, lambda on: on.write(), lambda on: on.send("response.create")]
        said += [lambda on: on.append(voice(0.2))] * 4
        for say in said[1:]:
            say(wire)
            if say is said[2]:
                wire.until("response.done")
        wire.until("input_audio_buffer.speech_started")
        stop(old)
        assert closed(wire) == 1012
        with back(new, wire) as again:
            taken = again.events[0]["session"]["empathy"]["events_taken"]
            assert 1 <= taken < 5
            for say in said[taken:]:
                say(again)
                if say is said[2]:
                    again.until("response.done")
            again.speak(0.6)
            again.until("input_audio_buffer.committed")
            assert again.until("response.done")["response"]["status"] == "completed"


def test_a_client_whose_way_leads_elsewhere_takes_its_session_along(url: str) -> None:
    with gateway(url) as old, gateway(url) as new, cable(old.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire)
        wire.write(id="item_mine")
        wire.send("response.create")
        wire.until("response.done")
        held.cut()
        with pytest.raises(ConnectionClosedError):
            wire.until("never")
        with back(new, wire) as again:
            assert text_of(again, "item_mine") == "I lost my keys."
            first = shown(again)
            with back(old, again) as third:  # and back
                assert text_of(third, "item_mine") == "I lost my keys."
                third.text_turn()
                assert refused(new, first) == (410, "session_not_resumable")


class Process:
    """A gateway in a process of its own, which can be killed."""

    def __init__(self, url: str, folder: Path) -> None:
        given = ["handover.enabled=true", f"handover.url={url}", "tts.options.word_s=0.15", "duplex.openers=false"]
        command = [sys.executable, "-m", "affetto.server", "serve", "--profile", "scripted", "--port", "0", "--json"]
        self._process = subprocess.Popen(
            [*command, *(f"--set={each}" for each in [*given, "memory.enabled=false"])],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"XDG_DATA_HOME": str(folder)},
        )
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_a_killed_server_loses_only_what_its_client_can_say_again(url: str, tmp_path: Path) -> None:
    first = Process(url, tmp_path)
    try:
        with gateway(url) as new, connect(f"ws://127.0.0.1:{first.port}/v1/realtime", **PLAIN) as socket:
            wire = Wire(socket)
            wire.until("session.created")
            resumable(wire)
            wire.write("I passed!", id="item_first")
            wire.send("response.create")
            wire.until("response.done")
            wire.write(id="item_second")
            wire.send("response.create")
            for _ in range(8):
                wire.until("response.output_audio.delta")
            first.kill()
            with pytest.raises(ConnectionClosedError):
                wire.until("never")
            sent = ["update", "item_first", "response", "item_second", "response"]
            with back(new, wire) as again:
                taken = again.events[0]["session"]["empathy"]["events_taken"]
                assert taken in (3, 4)
                cut = again.until("response.done")["response"]
                assert cut["status"] == "cancelled"
                assert cut["id"] == [e for e in wire.events if e["type"] == "response.created"][-1]["response"]["id"]
                for kind in sent[taken:]:
                    again.write(id="item_second") if kind == "item_second" else again.send("response.create")
                assert again.until("response.done")["response"]["status"] == "completed"
                assert text_of(again, "item_first") == "I passed!"
                assert text_of(again, "item_second") == "I lost my keys."
                assert not again.errors()
    finally:
        first.kill()


@pytest.mark.anyio
async def test_a_call_of_ours_outlives_one_server_after_another(url: str, tmp_path: Path) -> None:
    """Three in a row: the first stops in order, the second is killed in mid-sentence."""
    with gateway(url) as first, gateway(url) as third, cable(first.port) as way:
        second = Process(url, tmp_path)
        try:
            async with affetto.connect(way.ws, resume=True, instructions="Speak of ships.") as call:
                assert isinstance(call._socket, LastingSocket)
                await call.say("I lost my keys.")
                replies = [(await call.turn(timeout_s=20)).reply]
                way.lead_to(second.port)
                stop(first)
                while not call._socket.resumed:
                    await call.say("I passed!", spoken=True)
                    replies.append((await call.turn(timeout_s=20)).reply)
                await call.say("My dog died.", spoken=True)
                for _ in range(8):
                    await call.wait_for("response.output_audio.delta")
                way.lead_to(third.port)
                second.kill()
                replies.append((await call.turn(timeout_s=20)).reply)
                await call.say("Thank you.")
                replies.append((await call.turn(timeout_s=20)).reply)
                assert call.session["instructions"] == "Speak of ships."
                assert call._socket.resumed == 2
        finally:
            second.kill()
    assert all(replies)


# -- who may, and what is left -----------------------------------------------------------------------


def test_a_session_is_its_keys(url: str) -> None:
    keys = {"server__api_keys": ["sk-mine", "sk-yours"]}
    mine, yours = ({"Authorization": f"Bearer sk-{whose}"} for whose in ("mine", "yours"))
    with gateway(url, **keys) as old, gateway(url, **keys) as new:
        with old.call(additional_headers=mine) as wire:
            resumable(wire)
            wire.text_turn()
            stop(old)
            assert closed(wire) == 1012
        assert refused(new, shown(wire) | yours) == (410, "session_not_resumable")
        token = shown(wire)["Affetto-Resume"]
        guessed = {"Affetto-Resume": token[:-1] + ("a" if token[-1] != "a" else "b")}
        assert refused(new, shown(wire) | mine | guessed) == (410, "session_not_resumable")
        with back(new, wire, **mine) as again:
            again.text_turn()
            assert refused(new, shown(wire) | mine) == (410, "session_not_resumable")


KEYS: dict[str, Any] = {"server__api_keys": ["sk-mine", "sk-yours"]}
MINE = {"Authorization": "Bearer sk-mine"}


def secret_of(live: Live, seconds: int = 600, **session: Any) -> dict[str, str]:
    """The header of a client secret that this server issued."""
    asked = {"expires_after": {"anchor": "created_at", "seconds": seconds}, "session": session}
    answer = live.post("/v1/realtime/client_secrets", headers=MINE, json=asked)
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['value']}"}


def test_a_client_secret_of_one_server_opens_the_others(url: str) -> None:
    with gateway(url, **KEYS) as one, gateway(url, **KEYS) as other:
        shown_secret = secret_of(one, instructions="Speak of ships.", empathy={"user": "u1"})
        with other.call(additional_headers=shown_secret) as wire:
            assert wire.events[0]["session"]["instructions"] == "Speak of ships."
            wire.send("session.update", session={"type": "realtime", "empathy": {"user": "u2"}})
            assert wire.until("error")["error"]["param"] == "session.empathy.user"
            resumable(wire)
            wire.text_turn()
            stop(other)
            assert closed(wire) == 1012
        with back(one, wire, **shown_secret) as again:
            assert again.text_turn()["response"]["status"] == "completed"
        assert one.get("/v1/models", headers=shown_secret).status_code == 401


def test_a_client_secret_that_nobody_issued_opens_nothing(url: str) -> None:
    with gateway(url, **KEYS) as live:
        assert refused(live, {"Authorization": "Bearer ek_made_up"}) == (401, "invalid_api_key")
        store_of(live).begin = gone_for_good
        assert refused(live, {"Authorization": "Bearer ek_made_up"}) == (503, "handover_unavailable")
        del store_of(live).begin


def test_a_client_secret_is_written_down_as_soon_as_there_is_a_database(url: str) -> None:
    with gateway(url, **KEYS, server__resume_s=0.3) as one, gateway(url, **KEYS) as other:
        store_of(one).begin = gone_for_good
        shown_secret = secret_of(one)
        with one.call(additional_headers=shown_secret):
            pass
        assert refused(other, shown_secret) == (401, "invalid_api_key")
        del store_of(one).begin
        eventually(lambda: opens(other, shown_secret), "the secret is not shared")


def test_a_secret_lies_hashed_and_sealed_in_the_database_and_goes_with_its_person(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path / 'handover.db'}", [Fernet.generate_key().decode()]
    with gateway(url, **KEYS, handover__keys=keys) as one, gateway(url, **KEYS, handover__keys=keys) as other:
        shown_secret = secret_of(one, instructions="Speak of the zeppelin.", empathy={"user": "u1"})
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert shown_secret["Authorization"].removeprefix("Bearer ").encode() not in files
        assert b"zeppelin" not in files
        assert one.delete("/v1/memory", params={"user": "u1"}, headers=MINE).status_code == 200
        assert refused(other, shown_secret) == (401, "invalid_api_key")


@pytest.mark.anyio
async def test_expired_secrets_are_deleted(url: str) -> None:
    now = [1000.0]
    kept = store(url, "a", now)
    shared = SharedSecrets(kept, lambda: now[0])
    try:
        for number, expires_at in enumerate((1010.0, 1100.0)):
            await shared.add(bytes([number]) * 32, Secret(expires_at, Guest("owner")), "")
        await shared.add(b"\0" * 32, Secret(1010.0, Guest("owner")), "")
        assert await shared.find(b"\0" * 32) == Secret(1010.0, Guest("owner"))
        now[0] = 1011.0
        assert await shared.find(b"\0" * 32) is None
        assert await shared.purge() == 1
        assert await shared.find(b"\1" * 32) == Secret(1100.0, Guest("owner"))
    finally:
        await kept.close()


def opens(live: Live, headers: dict[str, str]) -> bool:
    try:
        with live.call(additional_headers=headers):
            return True
    except InvalidStatus:
        return False


@asynccontextmanager
async def gone_for_good() -> AsyncIterator[Any]:
    raise HandoverGone("the database is gone")
    yield


def test_nothing_readable_lies_in_the_database_where_there_is_a_key(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path / 'handover.db'}", [Fernet.generate_key().decode()]
    held = {"memory__enabled": False, "handover__keys": keys}
    with gateway(url, **held) as old, gateway(url, **held) as new, gateway(url, memory__enabled=False) as keyless:
        with old.call() as wire:
            resumable(wire, empathy={"user": "somebody"})
            wire.write("The zeppelin was mine.")
            wire.send("response.create")
            wire.until("response.done")
            stop(old)
            assert closed(wire) == 1012
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"zeppelin" not in files
        assert b"somebody" not in files
        assert shown(wire)["Affetto-Resume"].encode() not in files
        assert refused(keyless, shown(wire))[0] == 503
        with back(new, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_forgetting_a_person_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "handover.db"
    url = f"sqlite:///{path}"
    with gateway(url) as old, gateway(url) as new, old.call() as wire:
        resumable(wire, empathy={"user": "u1", "memory": True})
        wire.write("The zeppelin was mine.")
        wire.send("response.create")
        wire.until("response.done")
        eventually(lambda: rows(url) == 1, "the session was not written")
        with new_client(new) as client:
            assert client.delete("/v1/memory", params={"user": "u1"}).status_code == 200
        assert rows(url) == 0
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"zeppelin" not in files
        wire.text_turn()  # it goes on here; nothing of it is written any more
        assert rows(url) == 0
        assert refused(new, shown(wire)) == (410, "session_not_resumable")


def new_client(live: Live) -> Any:
    import httpx

    return httpx.Client(base_url=live.http, trust_env=False, timeout=10)


def test_goodbye_leaves_no_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'handover.db'}"
    with gateway(url, memory__enabled=False) as live:
        with live.call() as wire:
            resumable(wire)
            wire.text_turn()
            eventually(lambda: rows(url) == 1, "the session was not written")
        eventually(lambda: rows(url) == 0, "the row is left over")
        with live.call() as wire:
            wire.text_turn()
            wire.update(instructions="Be kind.")
            assert rows(url) == 0  # nobody asked for it


def test_a_database_that_is_gone_ends_no_conversation(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'folder' / 'handover.db'}"
    with gateway(missing, memory__enabled=False) as live, live.call() as wire:
        for path in (tmp_path / "folder").iterdir():
            path.unlink()
        (tmp_path / "folder").rmdir()
        resumable(wire)
        assert wire.text_turn()["response"]["status"] == "completed"


def test_whoever_has_been_told_a_token_may_show_it_elsewhere_at_once(url: str) -> None:
    with gateway(url) as first, gateway(url) as second, cable(first.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire)
        held.cut()
        with back(second, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_a_gateway_that_cannot_know_whose_a_session_is_says_try_again(url: str) -> None:
    """Its own copy may be stale: the token that another one gave is not for it to call wrong."""
    with gateway(url) as old, gateway(url) as new, cable(old.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire)
        wire.text_turn()
        kept = store_of(old)
        kept.put = kept.whose_turn = gone
        held.cut()
        with cable(new.port) as other, connect(other.ws, additional_headers=shown(wire), **PLAIN) as second:
            again = Wire(second)
            again.text_turn()
            other.cut()
        assert refused(old, shown(again)) == (503, "handover_unavailable")
        del kept.put, kept.whose_turn
        with back(old, again) as third:
            assert third.text_turn()["response"]["status"] == "completed"


def test_a_client_that_leaves_before_it_is_greeted_may_come_back(url: str) -> None:
    with gateway(url) as live, cut_off(live) as wire:
        kept, writing, go_on = store_of(live), threading.Event(), threading.Event()
        put = kept.put

        async def slow(parked: Parked) -> bool:
            writing.set()
            await asyncio.to_thread(go_on.wait)
            return bool(await put(parked))

        kept.put = slow
        hasty = asking(live, wire)
        assert writing.wait(10)
        hasty.close()
        eventually(lambda: not live.server.server_state.connections, "the server has not noticed")
        go_on.set()
        with back(live, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_two_lines_of_one_client_take_a_session_one_after_the_other(url: str) -> None:
    """The first one broke while the database was slow: it takes nothing from the second."""
    with gateway(url) as old, gateway(url) as new, cut_off(old) as wire:
        taking, go_on = holding(new, "take")
        hasty = asking(new, wire)
        assert taking.wait(10)
        hasty.close()
        eventually(lambda: not new.server.server_state.connections, "the server has not noticed")
        threading.Timer(0.2, go_on.set).start()
        with back(new, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"
            assert 'affetto_resumptions_total{outcome="carried"} 1.0' in new.get("/metrics").text
            again.socket.socket.close()
        with back(new, again) as third:
            assert third.text_turn()["response"]["status"] == "completed"
            assert "affetto_sessions 1.0" in new.get("/metrics").text


def test_a_line_that_broke_before_its_turn_takes_nothing_from_the_next(url: str) -> None:
    with gateway(url) as live, cut_off(live) as wire:
        looking, go_on = holding(live, "whose_turn")
        hasty = asking(live, wire)
        assert looking.wait(10)
        hasty.close()
        eventually(lambda: not live.server.server_state.connections, "the server has not noticed")
        go_on.set()
        with back(live, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"
            assert 'affetto_resumptions_total{outcome="resumed"} 1.0' in live.get("/metrics").text


def test_who_comes_while_a_server_stops_is_sent_elsewhere(url: str) -> None:
    with gateway(url) as old, gateway(url) as new, cut_off(old) as wire:
        taking, go_on = holding(new, "take")
        hasty = asking(new, wire)
        assert taking.wait(10)
        stop(new)
        eventually(lambda: new.server._app.state.realtime._draining, "the server does not stop")
        go_on.set()
        answer = hasty.recv(1000)
        assert b" 503 " in answer.splitlines()[0]
        hasty.close()
        with back(old, wire) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_a_token_that_no_other_server_would_know_is_not_told(url: str) -> None:
    with gateway(url) as old, gateway(url) as new, cable(old.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire)
        wire.text_turn()
        kept = store_of(old)
        kept.put = gone
        held.cut()
        with cable(old.port) as other, connect(other.ws, additional_headers=shown(wire), **PLAIN) as second:
            again = Wire(second)
            again.until("session.created")
            assert shown(again)["Affetto-Resume"] == shown(wire)["Affetto-Resume"]
            other.cut()
        with back(new, again) as third:
            assert third.text_turn()["response"]["status"] == "completed"


def test_what_one_server_could_not_keep_the_next_one_keeps_and_both_keep_it_once(url: str) -> None:
    with gateway(url) as old, gateway(url) as new, cable(old.port) as held, connect(held.ws, **PLAIN) as line:
        wire = Wire(line)
        wire.until("session.created")
        resumable(wire, empathy={"memory": True, "user": "ana"})
        keeping = old.server._app.state.server.memory
        add, keeping.store.add = keeping.store.add, out_of_reach
        wire.write(text="I love apples.")
        wire.send("response.create")
        wire.until("response.done")
        held.cut()
        with back(new, wire):
            eventually(lambda: facts_of(new, "ana") == ["loves apples"], "the next one has not kept it")
            keeping.store.add = add
            keeping._again.set()
            eventually(lambda: not keeping.backlog, "the first one has not tried again")
        kept = new.get("/v1/memory/export", params={"user": "ana"}).json()
        assert len(kept["moments"]) == 1
        assert [fact["text"] for fact in kept["facts"]] == ["loves apples"]


async def out_of_reach(*_: object) -> bool:
    raise MemoryGone("the database is gone")


def facts_of(live: Live, user: str) -> list[str]:
    return [fact["text"] for fact in live.get("/v1/memory", params={"user": user}).json()["data"]]


def asking(live: Live, wire: Wire) -> socket.socket:
    """A line on which somebody wants a session back, and has no answer yet."""
    lines = {"Host": "here", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    lines |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **shown(wire)}
    made = socket_to(live.port)
    asked = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    made.sendall(f"GET /v1/realtime HTTP/1.1\r\n{asked}\r\n".encode())
    return made


def holding(live: Live, name: str) -> tuple[threading.Event, threading.Event]:
    """The first call of this method of its store begins, and waits until it may go on."""
    kept, begun, go_on = store_of(live), threading.Event(), threading.Event()
    way = getattr(kept, name)

    async def held(*args: Any) -> Any:
        setattr(kept, name, way)
        begun.set()
        await asyncio.to_thread(go_on.wait)
        return await way(*args)

    setattr(kept, name, held)
    return begun, go_on


def store_of(live: Live) -> Any:
    return live.server._app.state.server.handover.store


async def gone(*_: object) -> None:
    raise HandoverGone("the database is gone")


def socket_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


# -- parts -------------------------------------------------------------------------------------------


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def store(url: str, name: str, now: list[float]) -> HandoverStore:
    return HandoverStore(url, Sealer(), gateway=name, keep_s=60, clock=lambda: now[0])


def parked(epoch: int, state: bytes = b"{}") -> Parked:
    return Parked("s1", epoch, "owner", ("who",), (b"p" * 32,), state)


@pytest.mark.anyio
async def test_of_two_gateways_one_gets_a_session_and_the_old_one_loses_it(url: str) -> None:
    now = [1000.0]
    a, b, c = (store(url, name, now) for name in "abc")
    try:
        await a.prolong()
        assert await a.put(parked(0, b"first"))
        assert await b.take("s1", "owner", lambda hashed: hashed == b"x" * 32) is None
        assert await b.take("s1", "other", lambda _: True) is None
        found = await b.take("s1", "owner", lambda hashed: hashed == b"p" * 32)
        assert found == Parked("s1", 2, "owner", ("who",), (b"p" * 32,), b"first")
        assert not await a.put(parked(1, b"stale"))
        await a.drop("s1", 1)
        assert await b.put(parked(2, b"second"))
        again = await c.take("s1", "owner", lambda _: True)
        assert again is not None
        assert again.state == b"second"
        await c.drop("s1", 3)
        assert await a.take("s1", "owner", lambda _: True) is None
    finally:
        for each in (a, b, c):
            await each.close()


@pytest.mark.anyio
async def test_of_two_who_take_at_once_none_hears_that_there_is_no_session(url: str) -> None:
    """One of them may be a line that broke; SQLite asks who comes second to try again."""
    now = [1000.0]
    a, b = (store(url, name, now) for name in "ab")
    try:
        await a.put(parked(0))
        for _ in range(10):
            takes = [each.take("s1", "owner", lambda _: True) for each in (a, b)]
            found = await asyncio.gather(*takes, return_exceptions=True)
            assert all(isinstance(each, Parked | HandoverGone) for each in found)
            assert any(isinstance(each, Parked) for each in found)
    finally:
        await a.close()
        await b.close()


@pytest.mark.anyio
async def test_rows_live_as_long_as_somebody_prolongs_them(url: str) -> None:
    now = [2000.0]
    a, b = (store(url, name, now) for name in "ab")
    try:
        await a.put(parked(0))
        now[0] += 50
        await a.prolong()
        now[0] += 50
        await b.prolong()
        assert await b.take("s1", "owner", lambda _: True) is not None
        now[0] += 61
        assert await a.take("s1", "owner", lambda _: True) is None
        await a.prolong()
        assert await a.erase("who") == 0
    finally:
        await a.close()
        await b.close()


@pytest.mark.anyio
async def test_a_row_under_another_key_is_told_and_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'handover.db'}"
    sealing = HandoverStore(url, Sealer([Fernet.generate_key().decode()]), gateway="a", keep_s=60)
    other = HandoverStore(url, Sealer([Fernet.generate_key().decode()]), gateway="b", keep_s=60)
    try:
        await sealing.put(parked(0, b"words"))
        with pytest.raises(HandoverGone, match="key"):
            await other.take("s1", "owner", lambda _: True)
        found = await sealing.take("s1", "owner", lambda _: True)
        assert found is not None
        assert found.state == b"words"
    finally:
        await sealing.close()
        await other.close()


def test_what_is_carried_tells_no_voice_from_another() -> None:
    cues = Cues(valence=0.5, voice=(1.0, 2.0))
    entry = Entry(Item("i", "user", "input_audio", "Hello."), cues)
    carried = Carried((entry,), 7, Baseline(turns=3, pitch_hz=200.0, voice=(1.0,), voice_turns=3))
    found = unpacked(packed(carried))
    assert found.entries[0].item == entry.item
    assert found.entries[0].cues == Cues(valence=0.5)
    assert found.ids == 7
    assert found.baseline == Baseline(turns=3, pitch_hz=200.0)
    with pytest.raises(ValueError, match="not a conversation"):
        unpacked(b'{"entries": [{}]}')


def test_a_tail_holds_the_newest_and_sound_only_for_who_is_away() -> None:
    held = [Said(1, "x" * TAIL_BYTES), Said(2, "words"), Said(3, "sound", "item", 100.0), Said(4, "end")]
    assert [said[0] for said in tail_of(held, away=False)] == [2, 4]
    assert [said[0] for said in tail_of(held, away=True)] == [1, 2, 3, 4]

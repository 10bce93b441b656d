"""What breaks under a running server, and what people notice of it: an answer all the same, a word that says what
happened, and a next turn that works as soon as what broke is well again."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cable import cable
from faulty import BACKENDS, FAULTS, STALL

from affetto.clients.bench.swarm import Swarm, Talk
from affetto.models import guarded
from affetto.models.breaker import Breaker
from affetto.models.errors import Failed
from affetto.models.gate import Patience
from affetto.models.llm import supervisor
from affetto.server import serving
from live import Live, Wire, eventually, running

SPOKEN = "response.output_audio_transcript.done"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Models that are given up and tried again within a second; nothing is broken at first."""
    FAULTS.clear()
    monkeypatch.setattr(guarded, "PATIENCE", dict.fromkeys(guarded.PATIENCE, Patience(0.5, 0.5)))
    monkeypatch.setattr(Breaker, "__init__", _impatient(Breaker.__init__))
    yield
    FAULTS.clear()


def _impatient(build: Callable[..., None]) -> Callable[..., None]:
    return lambda self, **given: build(self, **{"rest_s": 0.2, "longest_rest_s": 0.2, **given})


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guarded, "PATIENCE", dict.fromkeys(guarded.PATIENCE, Patience(0.5, 0.5)))
        patch.setattr(Breaker, "__init__", _impatient(Breaker.__init__))
        with running(**BACKENDS) as server:
            yield server


def turn(wire: Wire) -> dict[str, Any]:
    """A spoken turn; gives its `response.done`."""
    del wire.events[:]
    wire.speak()
    return wire.until("response.done")


def degraded(done: dict[str, Any]) -> set[str]:
    return {text.partition(":")[0] for text in done["empathy"].get("degraded", [])}


def said(wire: Wire) -> str:
    return str(next(event["transcript"] for event in wire.events if event["type"] == SPOKEN))


RAISES = [RuntimeError("it says: my sister"), MemoryError(), Failed("one call went wrong")]


# -- one model ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*RAISES, STALL], ids=["raises", "out of memory", "fails", "stalls"])
@pytest.mark.parametrize(
    ("kind", "status", "errors", "told"),
    [
        ("turn", "completed", set(), set()),
        ("cues", "completed", set(), set()),
        ("appraiser", "completed", set(), {"appraisal"}),
        ("llm", "failed", {"language_failed"}, {"language"}),
        ("tts", "completed", {"speech_failed"}, {"speech"}),
    ],
)
def test_a_part_that_breaks_leaves_an_answer_and_the_session(
    live: Live, kind: str, status: str, errors: set[str], told: set[str], fault: Any
) -> None:
    with live.call() as wire:
        FAULTS[kind] = fault
        done = turn(wire)
        assert done["response"]["status"] == status
        assert said(wire), "there is an answer, if only in writing"
        assert {error["code"] for error in wire.errors()} == errors
        assert degraded(done) == told
        assert not [error for error in wire.errors() if "sister" in error["message"]]
        FAULTS.clear()
        assert turn(wire)["response"]["status"] == "completed"
        assert wire.errors() == []


@pytest.mark.parametrize("fault", [*RAISES, STALL], ids=["raises", "out of memory", "fails", "stalls"])
def test_a_recogniser_that_breaks_is_told_and_apologised_for(live: Live, fault: Any) -> None:
    with live.call() as wire:
        FAULTS["asr"] = fault
        done = turn(wire)
        assert done["response"]["status"] == "completed"
        assert "say" in said(wire)
        (failed,) = [event for event in wire.events if event["type"].endswith("transcription.failed")]
        assert failed["error"]["code"] == "transcription_failed"
        assert "sister" not in failed["error"]["message"]
        FAULTS.clear()
        time.sleep(0.25)  # the breaker may rest
        assert turn(wire)["response"]["status"] == "completed"
        assert [event for event in wire.events if event["type"].endswith("transcription.completed")]


def test_a_model_that_goes_on_failing_is_left_alone_told_by_ready_and_tried_again(live: Live) -> None:
    def out() -> dict[str, Any]:
        return dict(live.get("/ready").json()["out"])

    with live.call() as wire:
        FAULTS["llm"] = RuntimeError()
        for _ in range(3):
            turn(wire)
        answer = live.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["out"]["chat"]["why"] == "crashed"
        assert answer.json()["out"]["chat"]["since"].startswith("20")
        assert 'affetto_breaker_state{backend="llm"} 2.0' in live.get("/metrics").text
        resting = 'affetto_backend_calls_total{backend="llm",outcome="resting"}'
        eventually(lambda: wire.text_turn() and resting in live.get("/metrics").text, "it is not left alone")
        FAULTS.clear()
        eventually(lambda: turn(wire)["response"]["status"] == "completed", "it is not tried again")
        assert (out(), live.get("/ready").status_code) == ({}, 200)


def test_what_is_out_and_not_needed_leaves_the_server_ready(live: Live) -> None:
    with live.call() as wire:
        FAULTS["cues"] = RuntimeError()
        for _ in range(3):
            assert turn(wire)["response"]["status"] == "completed"
        answer = live.get("/ready")
        assert (answer.status_code, set(answer.json()["out"])) == (200, {"cues"})
        FAULTS.clear()
        eventually(lambda: turn(wire) and not live.get("/ready").json()["out"], "it stays out")


# -- the language model's process --------------------------------------------------------------------


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Live, Any]]:
    monkeypatch.setattr(supervisor, "HEALTH_EVERY_S", 0.2)
    monkeypatch.setattr(supervisor, "HEALTH_TIMEOUT_S", 0.5)
    monkeypatch.setattr(supervisor, "STOP_S", 0.3)
    monkeypatch.setitem(guarded.PATIENCE, "llm", Patience(5.0, 2.0))
    with running(llm__backend="faulty:FakeLlama") as live:
        yield live, live.server._app.state.server.backends.chat


def answered(wire: Wire, text: str = "I lost my keys.") -> str:
    del wire.events[:]
    return str(wire.text_turn(text)["response"]["status"])


def test_a_language_model_that_is_killed_between_turns_is_not_noticed(llama: tuple[Live, Any]) -> None:
    live, chat = llama
    with live.call() as wire:
        assert answered(wire) == "completed"
        for _ in range(3):
            before = chat.pid
            os.kill(before, signal.SIGKILL)
            assert answered(wire) in ("completed", "failed"), "it may have been asked just before it was missed"
            eventually(lambda before=before: chat.ready and chat.pid != before, "it does not come back")
            assert answered(wire) == "completed"
        assert chat.restarts == 3


def test_a_language_model_that_is_killed_in_mid_reply_costs_that_reply_alone(llama: tuple[Live, Any]) -> None:
    live, chat = llama
    with live.call() as wire, live.call() as bystander:
        wire.write()
        wire.send("response.create", response={"output_modalities": ["text"]})
        wire.until("response.output_text.delta")
        os.kill(chat.pid, signal.SIGKILL)
        done = wire.until("response.done")
        assert done["response"]["status"] == "failed"
        assert [error["code"] for error in wire.errors()] == ["language_failed"]
        eventually(lambda: chat.ready, "it does not come back")
        assert answered(wire) == answered(bystander) == "completed"


def test_a_language_model_that_hangs_is_noticed_and_replaced(llama: tuple[Live, Any]) -> None:
    live, chat = llama
    with live.call() as wire:
        assert answered(wire) == "completed"
        hung = chat.pid
        os.kill(hung, signal.SIGSTOP)
        eventually(lambda: "chat" in live.get("/ready").json()["out"], "nobody notices")
        assert live.get("/ready").status_code == 503
        eventually(lambda: chat.ready and chat.pid != hung, "it is not replaced")
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        assert answered(wire) == "completed"
        assert live.get("/ready").status_code == 200


def test_a_language_model_that_runs_out_of_memory_is_replaced(llama: tuple[Live, Any]) -> None:
    live, chat = llama
    with live.call() as wire:
        assert answered(wire) == "completed"
        before = chat.pid
        used = int(Path(f"/proc/{before}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(before, resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
        assert answered(wire, "I am hungry.") == "failed"
        eventually(lambda: chat.ready and chat.pid != before, "it does not come back")
        assert answered(wire) == "completed"


@pytest.mark.models
def test_the_real_language_model_is_killed_and_replaced(require: Callable[..., Any], monkeypatch: Any) -> None:
    require("smollm2-135m")
    monkeypatch.setitem(guarded.PATIENCE, "llm", Patience(60.0, 60.0))
    with running(llm__backend="llama", llm__options={"model": "smollm2-135m", "restart_wait_s": 60}) as live:
        chat = live.server._app.state.server.backends.chat
        with live.call() as wire:
            wire.write()
            wire.send("response.create", response={"output_modalities": ["text"]})
            wire.until("response.created")
            before = chat.pid
            os.kill(before, signal.SIGKILL)
            wire.until("response.done", timeout_s=120)
            eventually(lambda: chat.ready and chat.pid != before, "it does not come back", 60)
            wire.write("Are you there?")
            wire.send("response.create", response={"output_modalities": ["text"]})
            assert wire.until("response.done", timeout_s=120)["response"]["status"] == "completed"
        with pytest.raises(ProcessLookupError):
            os.kill(before, 0)


# -- disks, databases, clocks ------------------------------------------------------------------------


def test_a_full_disk_costs_neither_the_answer_nor_what_was_to_be_remembered(tmp_path: Path) -> None:
    file = tmp_path / "memory.db"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def facts() -> list[str]:
        return [fact["text"] for fact in live.get("/v1/memory", params={"user": "ana"}).json()["data"]]

    with running(memory__url=f"sqlite:///{file}") as live, live.call() as wire:
        wire.update(empathy={"memory": True, "user": "ana"})
        wire.text_turn("I have a dog called Biscuit.")
        eventually(lambda: "has a dog called Biscuit" in facts(), "it is not kept")
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
            done = wire.text_turn("I play the cello.")
            assert done["response"]["status"] == "completed"
            eventually(lambda: live.get("/ready").json()["memory"]["ready"] is False, "nobody notices")
            assert wire.text_turn("I live in Leeds.")["response"]["status"] == "completed"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        eventually(lambda: {"plays the cello", "lives in Leeds"} <= set(facts()), "what was said is lost")
        eventually(lambda: live.get("/ready").json()["memory"]["ready"], "it is not well again")


def test_a_database_that_is_gone_costs_neither_the_answer_nor_what_was_to_be_remembered() -> None:
    from databases import postgresql

    with (
        postgresql() as database,
        running(memory__url=database.url) as live,
        live.call() as wire,
    ):
        wire.update(empathy={"memory": True, "user": "ana"})
        wire.text_turn("I have a dog called Biscuit.")

        def facts() -> list[str]:
            answer = live.get("/v1/memory", params={"user": "ana"}).json()
            return [fact["text"] for fact in answer.get("data", [])]

        eventually(lambda: "has a dog called Biscuit" in facts(), "it is not kept")
        database.stop()
        done = wire.text_turn("I play the cello.")
        assert done["response"]["status"] == "completed"
        assert "memory" in degraded(done)
        assert live.get("/ready").status_code == 200
        database.start()
        eventually(lambda: {"plays the cello", "has a dog called Biscuit"} <= set(facts()), "what was said is lost")


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0], ids=["forward", "back"])
def test_a_clock_that_jumps_changes_nothing_for_who_is_talking(
    live: Live, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    real = time.time
    with live.call() as wire:
        wire.update(empathy={"trace": True, "resume": True})
        first = turn(wire)
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        second = turn(wire)
        assert second["response"]["status"] == "completed"
        assert (
            abs(second["empathy"]["timings_ms"]["first_audio"] - first["empathy"]["timings_ms"]["first_audio"]) < 1500
        )
        assert len(live.get(f"/v1/sessions/{wire_id(wire)}/turns").json()["data"]) == 2


def wire_id(wire: Wire) -> str:
    return str(next(e["event_id"] for e in wire.events)).rpartition("_")[0].removeprefix("event_")


# -- lines -------------------------------------------------------------------------------------------


def test_a_line_that_is_open_at_one_end_only_is_noticed_and_its_place_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PING_S", 0.3)
    with running() as live, cable(live.port) as held, live.call() as bystander:
        raw = socket.create_connection(("127.0.0.1", held.port))
        head = ["GET /v1/realtime HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
        head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
        raw.sendall("\r\n".join(head).encode())
        eventually(lambda: live.get("/ready").json()["sessions"] == 2, "it is not let in")
        held.pull()
        eventually(lambda: live.get("/ready").json()["sessions"] == 1, "its place is not free")
        assert bystander.text_turn()["response"]["status"] == "completed"
        raw.close()


def test_sigterm_under_load_says_goodbye_to_everybody_and_ends_in_time(tmp_path: Path) -> None:
    grace_s, port_file = 2.0, tmp_path / "port"
    command = [sys.executable, "-m", "affetto.server", "serve", "--profile", "scripted", "--port", "0"]
    command += ["--port-file", str(port_file), "--set", f"server.grace_s={grace_s}", "--set", "server.admission=false"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: port_file.exists() and port_file.read_text(), "it does not start", 60)

        async def load() -> Swarm:
            swarm = Swarm(f"ws://127.0.0.1:{port_file.read_text()}", Talk(voice_s=0.6, turn_s=3.0))
            assert await swarm.add(20) == 20
            talking = asyncio.create_task(swarm.talk(3600))
            await asyncio.sleep(4)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            async with asyncio.timeout(grace_s + 8):
                for seat in swarm._seats:
                    await seat.caller.gone.wait()
            talking.cancel()
            assert time.monotonic() - began < grace_s + 4
            return swarm

        swarm = asyncio.run(load())
        assert process.wait(10) in (0, -signal.SIGTERM), "uvicorn dies of the signal once all is in order"
        assert {told.closed for told in swarm.told} == {(1001, "the server is stopping")}
        assert sum(told.counts.get("response.created", 0) for told in swarm.told) > 0
        begun = [told.counts.get("response.created", 0) for told in swarm.told]
        ended = [told.counts.get("response.done", 0) for told in swarm.told]
        assert begun == ended, "no answer is left hanging"
    finally:
        process.kill()
        process.wait()


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "affetto.server", "serve", "--profile", "scripted", "--port", "0"]
    command += ["--port-file", str(port_file), "--set", "llm.backend=faulty:FakeLlama"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    try:
        eventually(lambda: port_file.exists() and port_file.read_text(), "it does not start", 60)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
    finally:
        process.kill()
        process.wait()
    eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in children), "its children live on")

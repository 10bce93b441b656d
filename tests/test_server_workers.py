"""Several processes behind one port: they share it, are started again, and end together."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from affetto.clients.server_process import OwnServer, running_server
from affetto.server import workers
from affetto.server.__main__ import main
from affetto.server.settings import load
from live import Wire, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers share a port on Linux only")


def options(folder: Path, *more: str) -> list[str]:
    given = ["server.workers=2", "server.admission=false", "handover.enabled=true"]
    given += [f"handover.url=sqlite:///{folder}/sessions", *more]
    return ["--profile", "scripted", *(part for one in given for part in ("--set", one))]


@contextmanager
def two(folder: Path) -> Iterator[OwnServer]:
    with running_server(options(folder), patience_s=60) as server:
        yield server


def http(url: str) -> str:
    return url.replace("ws://", "http://")


def sessions(server: OwnServer) -> list[int]:
    return [httpx.get(f"{http(url)}/ready").json()["sessions"] for url in server.workers]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}/cmdline").exists()


def test_calls_are_spread_over_workers_and_each_tells_of_its_own(tmp_path: Path) -> None:
    with two(tmp_path) as server:
        assert len(set(server.workers)) == 2
        with ExitStack() as lines:
            calls = [Wire(lines.enter_context(connect(f"{server.url}/v1/realtime", proxy=None))) for _ in range(16)]
            for call in calls:
                call.until("session.created")
            found = sessions(server)
            assert sum(found) == 16
            assert min(found) >= 1, "the system spreads calls by chance: all on one side would be one in 32,000"
            assert [call.text_turn()["response"]["status"] for call in calls] == ["completed"] * 16


def test_a_worker_that_dies_is_started_again_and_nobody_is_refused_meanwhile(tmp_path: Path) -> None:
    with two(tmp_path) as server:
        first, second = children(server.pid)
        os.kill(first, signal.SIGKILL)
        answers = [httpx.get(f"{http(server.url)}/health", timeout=30).status_code for _ in range(12)]
        assert answers == [200] * 12
        eventually(lambda: len(children(server.pid)) == 2, "it is not started again", 30)
        assert second in children(server.pid)
        assert [httpx.get(f"{http(url)}/health", timeout=30).status_code for url in server.workers] == [200, 200]


def test_a_stop_waits_for_no_worker_that_still_loads() -> None:
    before = set(children(os.getpid()))

    def ours() -> set[int]:
        return set(children(os.getpid())) - before

    async def stopped() -> None:
        settings = load(None, {"server.port": 0, "server.workers": 2, "handover.enabled": True})
        with ExitStack() as stack:
            loading = [sys.executable, "-c", "import time; time.sleep(600)"]
            running = workers.Workers(loading, workers.bind(settings, stack), grace_s=0)
            run = asyncio.create_task(running.run(lambda: pytest.fail("nobody takes calls")))
            await asyncio.to_thread(eventually, lambda: len(ours()) == 2, "they are not started")
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(10):
                await run

    asyncio.run(stopped())
    eventually(lambda: not ours(), "one lives on")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path: Path, how: signal.Signals) -> None:
    ports = tmp_path / "ports"
    command = [sys.executable, "-m", "affetto.server", "serve", "--port", "0", "--port-file", str(ports)]
    command += ["--stop-at-eof", *options(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        eventually(lambda: ports.exists() and ports.read_text(), "it does not start", 60)
        running = children(parent.pid)
        parent.send_signal(how)
        assert parent.wait(15) == (-how if how is signal.SIGKILL else 0)
    assert len(running) == 2
    eventually(lambda: all(map(gone, running)), "a worker lives on", 20)


def test_a_worker_that_cannot_start_says_why_and_stops_the_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", *options(tmp_path, "llm.backend=nowhere:Nothing")]) == 3
    told = capfd.readouterr().err
    assert "nowhere" in told
    assert "a worker ended with exit status" in told


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("handover.enabled=false", "set handover.enabled=true"), ("server.workers=0", "greater than or equal to 1")],
)
def test_what_workers_need_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, wanted: str) -> None:
    assert main(["serve", "--port", "0", *options(tmp_path, given)]) == 2
    assert wanted in capsys.readouterr().err


def test_a_port_that_somebody_else_has_is_not_shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(["--profile", "scripted"], patience_s=60) as other:
        port = other.url.rpartition(":")[2]
        assert main(["serve", "--port", port, *options(tmp_path)]) == 3
    assert f"port {port} on 127.0.0.1 is in use" in capsys.readouterr().err


def test_the_ports_are_told_as_json(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "affetto.server", "serve", "--json", "--port", "0", *options(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        assert len(told["workers"]) == 2
        assert told["port"] not in told["workers"]
        parent.terminate()

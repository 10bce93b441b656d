"""Gateways in processes of their own, which can be killed and are started again on the same port: `tests/chaos.py`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_S, STOP_S = 60.0, 20.0
GRACE_S = 5
GIVEN = {
    "llm.backend": "faulty:FakeLlama",
    "handover.enabled": "true",
    "duplex.openers": "false",
    "server.admission": "false",
    "server.sessions_per_address": "1000",
    "server.requests_per_s": "10000",
    "server.grace_s": str(GRACE_S),
    "observe.log_level": "info",
    "tts.options.word_s": "0.02",
}


class Gateway:
    """One server with scripted ears and voice and a language model in a child process."""

    def __init__(self, folder: Path, name: str, database_url: str) -> None:
        self.port = _free_port()
        self._log = folder / f"{name}.log"
        self._url = database_url
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=10)
        self.up = False
        """Whether it has been seen to answer since it was started."""
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "affetto.server", "serve", "--profile", "scripted", "--port", str(self.port)]
        given = GIVEN | {"memory.url": self._url, "handover.url": self._url}
        command += [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, env=environment)

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.answers():
            if time.monotonic() > deadline or self.dead:
                raise RuntimeError(f"the gateway does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)
        self.up = True

    def answers(self) -> bool:
        try:
            return self._http.get("/ready").status_code in (200, 503)
        except httpx.HTTPError:
            return False

    def well(self) -> bool:
        """Whether it is ready, and has kept all that was to be remembered."""
        try:
            return self._http.get("/ready").status_code == 200 and self._waiting() == 0
        except httpx.HTTPError:
            return False

    def _waiting(self) -> float:
        text = self._http.get("/metrics").text
        found = re.search(r'^affetto_queue_depth\{.*"memory".*\} (\S+)$', text, re.MULTILINE)
        assert found is not None, text
        return float(found[1])

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    @property
    def model(self) -> int | None:
        """The language model's process."""
        children = [path.read_text().split() for path in Path(f"/proc/{self._process.pid}/task").glob("*/children")]
        return next((int(child) for found in children for child in found), None)

    @property
    def tracebacks(self) -> list[str]:
        """Bugs, as they stand in its log."""
        return self._log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]

    def kill(self) -> None:
        self.up = False
        self._process.kill()
        self._process.wait()

    def stop(self) -> str | None:
        """As an operator does; gives what was wrong with how it ended."""
        self.up = False
        self._process.terminate()
        try:
            status = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"not ended {STOP_S:g} s after SIGTERM"
        return None if status in (0, -signal.SIGTERM) else f"ended with status {status}"

    def close(self) -> None:
        self.stop()
        self._http.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

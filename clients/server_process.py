"""A server of our own, for a demo or a measurement: a child process on a free port, which ends when we do, even if we
are killed: its standard input closes then."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ServerDied

STOP_S = 20.0
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class OwnServer:
    url: str
    pid: int
    workers: tuple[str, ...] = ()
    """Where each of several workers answers by itself."""


@contextmanager
def running_server(
    arguments: Sequence[str] = (), *, patience_s: float = 3600, quiet: bool = False
) -> Iterator[OwnServer]:
    """A fresh `affetto serve` with these arguments, once it takes calls; stopped at the end.

    What it prints goes to our own standard error; with `quiet` only the last words of a server that died are told.

    Raises:
        ServerDied: it ended before it was ready; `status` is its exit status.
    """
    with tempfile.TemporaryDirectory() as folder:
        port_file, log = Path(folder) / "port", Path(folder) / "log"
        command = [sys.executable, "-m", "affetto.server", "serve", "--port", "0", "--port-file", str(port_file)]
        command += ["--stop-at-eof", *arguments]
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors if quiet else None)
        try:
            url, *workers = (f"ws://127.0.0.1:{port}" for port in _ports(process, port_file, log, patience_s))
            yield OwnServer(url, process.pid, tuple(workers))
        finally:
            _stop(process)


def _ports(process: subprocess.Popen[bytes], port_file: Path, log: Path, patience_s: float) -> list[int]:
    """Its port and those of its workers, once it has written them down."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if port_file.exists() and (text := port_file.read_text()):
            return [int(line) for line in text.splitlines()]
        if (status := process.poll()) is not None:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise ServerDied("the server did not start" + (f": {lines[-1]}" if lines else ""), status)
        time.sleep(LOOK_S)
    raise ServerDied(f"the server was not ready within {patience_s:.0f} s", 1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        assert process.stdin is not None
        process.stdin.close()

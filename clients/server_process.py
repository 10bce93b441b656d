"""A server of our own for a demo or a measurement: started as a child process, ready when its port answers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class ServerDied(Exception):
    """The server ended before it was ready; the message has its last words."""


@contextmanager
def running_server(
    arguments: Sequence[str] = (), *, patience_s: float = 1800, quiet: bool = False
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of a fresh `affetto serve` on a free port; stopped at the end. Raises ServerDied."""
    with tempfile.TemporaryDirectory() as folder:
        port_file, log = Path(folder) / "port", Path(folder) / "log"
        command = [sys.executable, "-m", "affetto.server", "serve", "--port", "0", "--port-file", str(port_file)]
        with log.open("wb") as errors:
            process = subprocess.Popen([*command, *arguments], stderr=errors if quiet else None)
        try:
            yield f"ws://127.0.0.1:{_port(process, port_file, log, patience_s)}", process
        finally:
            _stop(process)


def _port(process: subprocess.Popen[bytes], port_file: Path, log: Path, patience_s: float) -> int:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if port_file.exists() and (text := port_file.read_text()):
            return int(text)
        if process.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise ServerDied(f"the server did not start: {lines[-1] if lines else 'see above'}")
        time.sleep(0.05)
    raise ServerDied(f"the server was not ready within {patience_s:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

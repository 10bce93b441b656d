"""A server of one's own ends with who started it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from live import eventually

PROGRAM = """
import time
from affetto.clients.server_process import running_server
with running_server(["--profile", "scripted"], patience_s=60) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""
STOPS_S = 20.0


def taken(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_with_who_started_it_and_was_killed(how: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rpartition(":")[2])
    assert taken(port)
    parent.send_signal(how)
    assert parent.wait(10) == -how
    eventually(lambda: not taken(port), "it is still there", STOPS_S)
    parent.stdout.close()

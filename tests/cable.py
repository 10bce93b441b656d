"""A cable between a client and a server that can be cut, or pulled so that neither end notices."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Pair = tuple[socket.socket, socket.socket]
RESET = struct.pack("ii", 1, 0)


class Cable:
    """Forwards TCP connections to a port of this machine; of several, to the next in turn that takes it."""

    def __init__(self, *ports: int) -> None:
        self._to = ports
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[Pair] = []
        self._dead: set[socket.socket] = set()
        self.taken = 0
        """Connections so far."""
        self._down = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    def cut(self, *, down: bool = False) -> None:
        """Reset what is connected, at both ends; `down`: new connections, too, until `mend`."""
        self._down = down
        self.pull()
        for end in self._ends():
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # wakes its pump
            end.close()

    def mend(self) -> None:
        self._down = False

    def lead_to(self, port: int) -> None:
        """New connections go there, as through a proxy that knows of several servers."""
        self._to = (port,)

    def pull(self) -> None:
        """What is connected stays so, and nothing comes through any more."""
        self._dead |= {end for pair in self._pairs for end in pair}

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for end in self._ends():
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _ends(self) -> list[socket.socket]:
        pairs, self._pairs = self._pairs, []
        return [end for pair in pairs for end in pair]

    def _connect(self) -> socket.socket | None:
        ports = self._to
        for turn in range(len(ports)):
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", ports[(self.taken + turn) % len(ports)]))
        return None

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self.taken += 1
            if self._down:
                near.close()
                continue
            far = self._connect()
            if far is None:
                near.close()
                continue
            self._pairs.append((near, far))
            for here, there in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(here, there), daemon=True).start()

    def _pump(self, here: socket.socket, there: socket.socket) -> None:
        try:
            while data := here.recv(65536):
                if here not in self._dead:
                    there.sendall(data)
            if here not in self._dead:
                there.shutdown(socket.SHUT_WR)
        except OSError:
            return


@contextmanager
def cable(*ports: int) -> Iterator[Cable]:
    held = Cable(*ports)
    try:
        yield held
    finally:
        held.close()

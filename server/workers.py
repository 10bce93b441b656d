"""Several processes that share one port, for a gateway whose one event loop has filled its core.

The system spreads new connections over the workers (SO_REUSEPORT, Linux). Each also answers at a port of its own, for
its metrics and status: what it tells is of itself. Their parent holds the sockets and does nothing else, so that who
calls while a worker is started again waits for it, and is not refused. A session lives in one worker; a client that
comes back may land on another one, which takes its session over (handover.py).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ..models.llm.restarts import Restarts
from . import serving
from .settings import BadSettings, Settings

log = logging.getLogger(__name__)

STOP_S = 10.0
"""Beyond the time that conversations are given to end."""


class WorkerDied(Exception):
    """One did not come up; it has said why. `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"a worker ended with exit status {status} before it took calls")
        self.status = status


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a worker listens on."""

    shared: socket.socket
    own: socket.socket

    @property
    def own_port(self) -> int:
        return int(self.own.getsockname()[1])


def bind(settings: Settings, stack: ExitStack) -> list[Sockets]:
    """Sockets for each worker, closed with the stack. Raises PortInUse, BadSettings."""
    if sys.platform != "linux":
        raise BadSettings("server.workers: several processes share a port on Linux only; run one, or more servers")
    if not settings.handover.enabled:
        raise BadSettings(
            "server.workers: a client that comes back may land on another worker than its session's: "
            "set handover.enabled=true as well"
        )
    host, port, first = settings.server.host, settings.server.port, settings.server.worker_port
    serving.listen(host, port).close()  # is it free? with SO_REUSEPORT the system would not say
    made = []
    for number in range(settings.server.workers):
        shared = stack.enter_context(serving.listen(host, port, shared=True))
        port = shared.getsockname()[1]
        made.append(Sockets(shared, stack.enter_context(serving.listen(host, first and first + number))))
    return made


class Workers:
    """Keeps the workers running, each a `command` that is told its sockets."""

    def __init__(self, command: Sequence[str], sockets: Sequence[Sockets], grace_s: float) -> None:
        self._command = command
        self._sockets = sockets
        self._grace_s = grace_s
        self._running: set[Process] = set()
        self._stopping = asyncio.Event()

    async def run(self, up: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; calls `up` once all take calls. Raises WorkerDied, in a group, if one never does."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._keep_all(up))
                await self._stopping.wait()
                keeping.cancel()
        finally:
            await asyncio.gather(*(self._stop(process) for process in self._running))

    async def _keep_all(self, up: Callable[[], None]) -> None:
        first = await asyncio.gather(*(self._started(sockets) for sockets in self._sockets))
        up()
        async with asyncio.TaskGroup() as tasks:
            for process, sockets in zip(first, self._sockets, strict=True):
                tasks.create_task(self._keep(process, sockets))

    async def _keep(self, process: Process, sockets: Sockets) -> None:
        """Start it again whenever it ends, after a while that grows."""
        restarts = Restarts()
        while True:
            status = await process.wait()
            self._running.discard(process)
            log.warning("a worker ended: status=%s port=%s", status, sockets.own_port)
            await asyncio.sleep(restarts.failed(time.monotonic()))
            try:
                process = await self._started(sockets)
            except WorkerDied as died:
                log.warning("a worker does not start: status=%s port=%s", died.status, sockets.own_port)

    async def _started(self, sockets: Sockets) -> Process:
        """One that takes calls. Raises WorkerDied."""
        descriptors = (sockets.shared.fileno(), sockets.own.fileno())
        process = await asyncio.create_subprocess_exec(
            *self._command, "--sockets", *map(str, descriptors), pass_fds=descriptors, stdin=PIPE, stdout=PIPE
        )
        self._running.add(process)
        assert process.stdout is not None
        if not await process.stdout.readline():
            self._running.discard(process)
            raise WorkerDied(await process.wait())
        return process

    async def _stop(self, process: Process) -> None:
        try:
            process.terminate()
            async with asyncio.timeout(self._grace_s + STOP_S):
                await process.wait()
        except ProcessLookupError:
            return  # it has ended by itself
        except TimeoutError:
            process.kill()
            await process.wait()

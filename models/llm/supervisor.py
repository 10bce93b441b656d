"""Keeps one server process running: starts it, asks after its health, restarts it, stops it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx

from ..errors import Unavailable
from .llama_server import ServerConfig
from .restarts import Restarts

log = logging.getLogger(__name__)

STOP_S = 3.0
HEALTH_EVERY_S = 5.0
HEALTH_TIMEOUT_S = 5.0
SICK_AFTER = 3
"""Health checks in a row that must fail before a silent server is killed: a busy machine is not a sick one."""
KEPT_LOG_LINES = 40


class Supervisor:
    """One child, on a free local port. `on_ready(url)` is awaited at every (re)start, before callers go on."""

    def __init__(
        self,
        config: ServerConfig,
        on_ready: Callable[[str], Awaitable[None]],
        *,
        start_timeout_s: float,
        command: tuple[str, ...] = (sys.executable, "-m", "affetto.models.llm.llama_server"),
        restarts: Restarts | None = None,
    ) -> None:
        self._config = config
        self._on_ready = on_ready
        self._start_timeout_s = start_timeout_s
        self._command = command
        self._restarts = restarts or Restarts()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)

    @property
    def pid(self) -> int | None:
        """Process id while a child runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    @property
    def serving(self) -> bool:
        """Whether a child is up and answers."""
        return self._ready.is_set()

    @property
    def restarts(self) -> int:
        return self._restarts.total

    async def start(self) -> None:
        """Start and wait until it serves.

        Raises:
            Unavailable: it does not come up; its log has been written to ours.
        """
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(first), name="affetto-llama-supervisor")
        try:
            await asyncio.wait({first, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                await self._task
            await first
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def ready(self, timeout_s: float) -> None:
        """Wait until it serves.

        Raises:
            Unavailable: it rests after too many failures, is not started, or does not come back in time.
        """
        if self._ready.is_set():
            return
        if self._task is None:
            raise Unavailable("the embedded language model is not started")
        if self._restarts.resting:
            raise Unavailable(
                f"the embedded language model fell over {self._restarts.limit} times in a row and rests for "
                f"{self._restarts.rest_s:g} s; the server's log says why"
            )
        try:
            await asyncio.wait_for(self._ready.wait(), timeout_s)
        except TimeoutError:
            raise Unavailable("the embedded language model is restarting; try again in a moment") from None

    async def _keep(self, first: asyncio.Future[None]) -> None:
        while True:
            try:
                reason = await self._live(first)
            except Unavailable as error:
                if not first.done():
                    first.set_exception(error)
                    return
                reason = str(error)
            wait = self._restarts.failed(time.monotonic())
            log.error("language model: %s; starting again in %g s\n%s", reason, wait, "\n".join(self._log))
            await asyncio.sleep(wait)

    async def _live(self, first: asyncio.Future[None]) -> str:
        """One child's life; gives the reason of its end."""
        process = self._process = await self._spawn()
        reading = asyncio.create_task(self._read_log(process))
        try:
            url = await self._address(process)
            await self._on_ready(url)
            self._ready.set()
            self._restarts.resting = False
            if not first.done():
                first.set_result(None)
            return await self._watch(process, url)
        finally:
            self._ready.clear()
            await _end(process)
            await reading

    async def _spawn(self) -> Process:
        try:
            return await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            raise Unavailable(f"the language model's process cannot be started: {error}") from error

    async def _address(self, process: Process) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._config.to_line())
        try:
            line = await asyncio.wait_for(process.stdout.readline(), self._start_timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"the language model did not load in {self._start_timeout_s:g} s: the machine may be busy or short of "
                "memory; try again, or take a smaller one (llm.options.model=smollm2-135m)"
            ) from None
        if not line:
            code = await process.wait()
            raise Unavailable(f"the language model's process ended with code {code} while loading: {self._last()}")
        return str(json.loads(line)["url"])

    async def _watch(self, process: Process, url: str) -> str:
        """Until the child ends or falls silent."""
        ended = asyncio.create_task(process.wait())
        failures = 0
        try:
            async with httpx.AsyncClient(timeout=HEALTH_TIMEOUT_S, trust_env=False) as client:
                while not (await asyncio.wait({ended}, timeout=HEALTH_EVERY_S))[0]:
                    failures = 0 if await _healthy(client, url) else failures + 1
                    if failures >= SICK_AFTER:
                        return "it does not answer health checks"
            return f"its process ended with code {ended.result()}"
        finally:
            ended.cancel()

    async def _read_log(self, process: Process) -> None:
        assert process.stderr is not None
        while line := await _line(process.stderr):
            text = line.decode(errors="replace").rstrip()
            self._log.append(text)
            log.debug("llama.cpp: %s", text)

    def _last(self) -> str:
        """The last thing it complained about."""
        errors = [line for line in self._log if " E " in line or "rror" in line]
        return (errors or list(self._log) or ["no log"])[-1]


async def _line(reader: asyncio.StreamReader) -> bytes:
    """A line, or a piece of one that is longer than the reader's buffer."""
    try:
        return await reader.readuntil()
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await reader.readexactly(long.consumed)


async def _healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _end(process: Process) -> None:
    """Ask by closing stdin, then insist."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()

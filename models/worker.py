"""The one way a blocking model meets the event loop: a few threads of its own, with a bounded line before them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from .errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")

_END = object()


class Worker:
    """Runs one model's calls on `threads` threads; at most `backlog` wait, more raise `Overloaded`."""

    def __init__(self, name: str, *, threads: int = 1, backlog: int = 64) -> None:
        self._name = name
        self._limit = threads + backlog
        self._active = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"affetto-{name}")

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on a thread; cancelling the caller drops a call that has not begun yet."""
        self._enter()
        future = self._pool.submit(function, *args, **kwargs)
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    async def stream(self, produce: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """Iterate a blocking generator on a thread; it is closed as soon as the consumer leaves."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[object] = asyncio.Queue()
        gone = threading.Event()

        def run() -> None:
            def put(value: object) -> None:
                if not gone.is_set():
                    loop.call_soon_threadsafe(queue.put_nowait, value)

            items = produce()
            try:
                for item in items:
                    if gone.is_set():
                        return
                    put(item)
            finally:
                close = getattr(items, "close", None)
                if close is not None:
                    close()

        task = asyncio.ensure_future(self.call(run))
        task.add_done_callback(lambda _: queue.put_nowait(_END))
        try:
            while (item := await queue.get()) is not _END:
                yield item  # type: ignore[misc]
            await task
        finally:
            gone.set()
            task.cancel()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _enter(self) -> None:
        if self._active >= self._limit:
            raise Overloaded(f"{self._name} has {self._limit} calls waiting already; try again in a moment")
        self._active += 1

    def _leave(self) -> None:
        self._active -= 1

"""The one way a blocking model meets the event loop: a few threads of its own, and callers that take turns at them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from .sharing import Turns

P = ParamSpec("P")
T = TypeVar("T")

_END = object()


class Worker:
    """Runs one model's calls on `threads` threads; at most `backlog` wait, more raise `Overloaded`."""

    def __init__(self, name: str, *, threads: int = 1, backlog: int = 64) -> None:
        self.turns = Turns(name, threads, backlog=backlog)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"affetto-{name}")

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on a thread; cancelling the caller drops a call that has not begun yet."""
        await self.turns.enter()
        loop = asyncio.get_running_loop()

        def left(_: object) -> None:
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(self.turns.leave)

        try:
            future = self._pool.submit(function, *args, **kwargs)
        except BaseException:
            self.turns.leave()
            raise
        future.add_done_callback(left)
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

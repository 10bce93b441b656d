"""Calls of many sessions as one call of the model: what waits when a thread is free goes together.

Nobody waits for others to come: a batch is what has gathered while the model was busy, so one session alone is served
as fast as ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .worker import Worker

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Call(Generic[T, R]):
    item: T
    kind: Hashable
    result: Future[R] = field(default_factory=Future)


class Batcher(Generic[T, R]):
    """`run` takes up to `size` items of one kind, on a thread of the worker, and gives a result for each, in order."""

    def __init__(
        self, worker: Worker, run: Callable[[Sequence[T]], Sequence[R]], *, size: int, kind: Callable[[T], Hashable]
    ) -> None:
        self._worker = worker
        self._run = run
        self._size = size
        self._kind = kind
        self._waiting: deque[_Call[T, R]] = deque()
        self._lock = threading.Lock()

    async def call(self, item: T) -> R:
        """The result for one item. What `run` raises, all of its batch get; raises Overloaded as the worker does."""
        mine = _Call[T, R](item, self._kind(item))
        with self._lock:
            self._waiting.append(mine)
        turn = asyncio.ensure_future(self._worker.call(self._serve, mine))
        answer = asyncio.wrap_future(mine.result)
        try:
            ways: set[asyncio.Future[Any]] = {turn, answer}
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                await turn  # raises what kept it from being served
            return await answer
        finally:
            turn.cancel()
            answer.cancel()
            self._forget(mine)

    def _serve(self, mine: _Call[T, R]) -> None:
        """On the worker's thread: this call, if no batch before took it along, and others like it."""
        batch = self._taken(mine)
        if not batch:
            return
        try:
            results = self._run([call.item for call in batch])
        except BaseException as error:  # noqa: BLE001 - theirs to raise
            for call in batch:
                call.result.set_exception(error)
            return
        for call, result in zip(batch, results, strict=True):
            call.result.set_result(result)

    def _taken(self, mine: _Call[T, R]) -> list[_Call[T, R]]:
        with self._lock:
            if mine not in self._waiting:
                return []
            others = [call for call in self._waiting if call is not mine and call.kind == mine.kind]
            batch = [mine, *others[: self._size - 1]]
            for call in batch:
                self._waiting.remove(call)
        return [call for call in batch if call.result.set_running_or_notify_cancel()]

    def _forget(self, mine: _Call[T, R]) -> None:
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)

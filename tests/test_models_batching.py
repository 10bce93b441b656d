"""Calls of many sessions as one: together when they wait, alone when they do not, each with its own result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from affetto.models.batching import Batcher
from affetto.models.errors import Overloaded
from affetto.models.worker import Worker

pytestmark = pytest.mark.anyio


class Model:
    """Doubles numbers; the first batch waits until it is let go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def run(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.begun.set()
        self.go_on.wait(10)
        if 13 in items:
            raise RuntimeError("no 13s")
        return [2 * item for item in items]


def batcher(model: Model, size: int = 4, backlog: int = 64) -> Batcher[int, int]:
    return Batcher(Worker("test", backlog=backlog), model.run, size=size, kind=lambda item: item % 2)


async def begun(model: Model) -> None:
    await asyncio.to_thread(model.begun.wait, 10)


async def test_what_waits_goes_together_and_like_with_like() -> None:
    model = Model()
    batched = batcher(model)
    first = asyncio.ensure_future(batched.call(1))
    await begun(model)
    rest = [asyncio.ensure_future(batched.call(item)) for item in (2, 3, 4, 5, 6, 8, 10)]
    await asyncio.sleep(0)
    model.go_on.set()
    assert await first == 2
    assert [await call for call in rest] == [4, 6, 8, 10, 12, 16, 20]
    assert model.batches[0] == [1]
    assert sorted(map(sorted, model.batches[1:])) == [[2, 4, 6, 8], [3, 5], [10]]


async def test_one_alone_waits_for_nobody() -> None:
    model = Model()
    model.go_on.set()
    batched = batcher(model)
    assert [await batched.call(item) for item in (1, 2, 3)] == [2, 4, 6]
    assert model.batches == [[1], [2], [3]]


async def test_who_leaves_is_not_served_and_the_others_are() -> None:
    model = Model()
    batched = batcher(model)
    first = asyncio.ensure_future(batched.call(2))
    await begun(model)
    left, stays = (asyncio.ensure_future(batched.call(item)) for item in (4, 6))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    model.go_on.set()
    assert (await first, await stays) == (4, 12)
    assert model.batches == [[2], [6]]


async def test_a_failure_is_the_batchs_and_not_the_next_ones() -> None:
    model = Model()
    model.go_on.set()
    batched = batcher(model)
    with pytest.raises(RuntimeError, match="13"):
        await batched.call(13)
    assert await batched.call(5) == 10


async def test_too_many_are_refused() -> None:
    model = Model()
    batched = batcher(model, backlog=1)
    first = asyncio.ensure_future(batched.call(2))
    await begun(model)
    second = asyncio.ensure_future(batched.call(3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await batched.call(5)
    model.go_on.set()
    assert (await first, await second) == (4, 6)

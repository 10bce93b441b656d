"""Streams of models that must not keep a reply waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def in_time(stream: AsyncIterator[T], first_s: float, later_s: float) -> AsyncGenerator[T, None]:
    """The pieces of a stream, which is left together with this one, so that its backend stops working at once.

    Raises:
        TimeoutError: the first piece took longer than `first_s` seconds, or a later one than `later_s`.
    """
    deadline_s = first_s
    try:
        while True:
            async with asyncio.timeout(deadline_s):
                piece = await anext(stream)
            yield piece
            deadline_s = later_s
    except StopAsyncIteration:
        return
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()

"""Server-sent events, as far as chat completions use them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx

DONE = "[DONE]"


async def events(response: httpx.Response) -> AsyncGenerator[str]:
    """The data of each event up to `[DONE]` or the end; comments (keep-alive pings) are skipped."""
    data: list[str] = []
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            event = "\n".join(data)
            data = []
            if event.strip() == DONE:
                return
            yield event
    if data and "\n".join(data).strip() != DONE:
        yield "\n".join(data)

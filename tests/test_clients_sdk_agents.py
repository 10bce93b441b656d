"""The openai-agents package (Python) as it is: a typed and a spoken turn. `pip install openai-agents` to run it; it is
not among the development dependencies, for it brings many of its own."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from live import RATE_HZ, running, voice

realtime = pytest.importorskip("agents.realtime", reason="pip install openai-agents")
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("default")]


async def test_a_typed_and_a_spoken_turn_without_any_error() -> None:
    with running() as live:
        runner = realtime.RealtimeRunner(realtime.RealtimeAgent(name="companion", instructions="Be kind."))
        session = await runner.run(model_config={"url": f"{live.ws}?model=affetto", "api_key": "sk-any"})
        kinds: list[str] = []

        async def answered() -> None:
            async with asyncio.timeout(15):
                async for event in session:
                    kinds.append(event.type)
                    if event.type == "agent_end":
                        return

        async with session:
            await session.send_message("I lost my keys.")
            await answered()
            silence = np.zeros(RATE_HZ, np.int16)
            await session.send_audio(np.concatenate([voice(0.6), silence]).astype("<i2").tobytes())
            await answered()
        assert "error" not in kinds
        assert kinds.count("agent_end") == 2
        assert "audio" in kinds

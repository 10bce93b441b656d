"""Backends that break when they are told to: scripted ones, and a language model in a process of its own.

`FAULTS["asr"] = RuntimeError("...")` makes every recogniser of this process raise it; `STALL` makes it wait for ever.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from affetto.models.appraisal import scripted as appraisal
from affetto.models.asr import scripted as asr
from affetto.models.base import Appraisal, ChatDelta, Cues, Recognition, Speech
from affetto.models.cues import scripted as cues
from affetto.models.llm import llama
from affetto.models.llm import scripted as llm
from affetto.models.llm.llama_server import ServerConfig
from affetto.models.llm.restarts import Restarts
from affetto.models.llm.supervisor import Supervisor
from affetto.models.sharing import Turns
from affetto.models.store import Store
from affetto.models.tts import scripted as tts
from affetto.models.turn import scripted as turn

STALL = object()
FAULTS: dict[str, Any] = {}
PROCESS = Path(__file__).with_name("fake_llama.py")


class Options(BaseModel):
    """None: what breaks is set while it runs."""


async def _breaks(kind: str) -> None:
    fault = FAULTS.get(kind)
    if fault is STALL:
        await asyncio.Event().wait()
    if fault is not None:
        raise fault


class FaultyRecognizer(asr.ScriptedRecognizer):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(asr.Options(), store)

    async def recognize(self, *args: Any, **kwargs: Any) -> Recognition:
        await _breaks("asr")
        return await super().recognize(*args, **kwargs)


class FaultyTurn(turn.ScriptedTurn):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(turn.Options(), store)

    async def completion(self, *args: Any) -> float:
        await _breaks("turn")
        return await super().completion(*args)


class FaultyCues(cues.ScriptedCues):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(cues.Options(), store)

    async def extract(self, *args: Any, **kwargs: Any) -> Cues:
        await _breaks("cues")
        return await super().extract(*args, **kwargs)


class FaultyAppraiser(appraisal.ScriptedAppraiser):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(appraisal.Options(), store)

    async def appraise(self, *args: Any) -> Appraisal:
        await _breaks("appraiser")
        return await super().appraise(*args)


class FaultyChat(llm.ScriptedChat):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(llm.Options(), store)

    async def stream(self, *args: Any) -> AsyncIterator[ChatDelta]:  # type: ignore[override]
        await _breaks("llm")
        async for delta in super().stream(*args):
            yield delta


class FaultySynthesizer(tts.ScriptedSynthesizer):
    def __init__(self, options: Options, store: Store) -> None:
        super().__init__(tts.Options(word_s=0.04), store)

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Speech]:
        await _breaks("tts")
        async for speech in super().stream(*args, **kwargs):
            yield speech


BACKENDS = {
    "asr__backend": "faulty:FaultyRecognizer",
    "turn__backend": "faulty:FaultyTurn",
    "cues__backend": "faulty:FaultyCues",
    "appraiser__backend": "faulty:FaultyAppraiser",
    "llm__backend": "faulty:FaultyChat",
    "tts__backend": "faulty:FaultySynthesizer",
}


class FakeLlama(llama.Llama):
    """The embedded model with another process behind its supervisor."""

    def __init__(self, options: Options, store: Store) -> None:
        self._options = llama.Options(restart_wait_s=8.0)
        self._key = "key"
        config = ServerConfig("", None, 1.0, 0, 1, 1, 0, self._key)
        self._supervisor = Supervisor(
            config,
            self._connect,
            start_timeout_s=60,
            command=(sys.executable, str(PROCESS)),
            restarts=Restarts(first_s=0.05, longest_s=0.2, limit=10_000),
        )
        self._chat = None
        self._url = ""
        self._turns = Turns("the language model", 8, backlog=64)

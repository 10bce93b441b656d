"""A written turn, answered by the same steps as a spoken one: appraisal, safety, prompt, guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from ...models.base import Appraisal, Speech
from .actions import ReplyRequest
from .backends import Backends
from .making import make_reply
from .memory import Forgetful, Memory
from .outputs import StatusReason, Usage
from .policy import DuplexPolicy
from .trace import appraisal_record


@dataclass(slots=True)
class Answer:
    """What is known of the answer once its text has ended."""

    usage: Usage = Usage()
    reason: StatusReason | None = None
    error: str | None = None
    empathy: dict[str, Any] = field(default_factory=dict)
    appraisal: Appraisal | None = None


class _Collector:
    """A reply's sink that hands its text on."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.texts: asyncio.Queue[str | None] = asyncio.Queue()

    def appraised(self, appraisal: Appraisal) -> None:
        self._answer.appraisal = appraisal
        self._answer.empathy["appraisal"] = appraisal_record(appraisal)

    def recalled(self, facts: tuple[str, ...]) -> None:
        self._answer.empathy["recalled"] = list(facts)

    def phrase(self, text: str) -> None:
        self.texts.put_nowait(text)

    def speech(self, speech: Speech, *, starts_phrase: bool) -> None:
        """A written answer has none."""

    def degraded(self, stage: str, message: str) -> None:
        self._answer.empathy.setdefault("degraded", []).append(f"{stage}: {message}")

    def finished(self, usage: Usage, reason: StatusReason | None = None, error: str | None = None) -> None:
        self._answer.usage, self._answer.reason, self._answer.error = usage, reason, error
        self.texts.put_nowait(None)


async def answer_text(
    request: ReplyRequest, backends: Backends, policy: DuplexPolicy, answer: Answer, memory: Memory | None = None
) -> AsyncIterator[str]:
    """Yield the answer's text as it comes; `answer` is filled in by the end. Closing the iterator stops the work.

    With consent (`request.config.empathy.memory`) a turn that was answered at all is kept.
    """
    allowed, remembering = request.config.empathy, memory or Forgetful()
    collector, answered = _Collector(answer), False
    task = asyncio.ensure_future(make_reply(request, backends, policy, collector, remembering))
    task.add_done_callback(lambda _: collector.texts.put_nowait(None))
    try:
        while (text := await collector.texts.get()) is not None:
            answered = True
            yield text
        await task
    finally:
        task.cancel()
        if answered and answer.error is None and allowed.memory:
            remembering.keep(allowed.user, request.situation, answer.appraisal)

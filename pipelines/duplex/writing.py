"""The words of one reply: fixed ones, or the chat model's, as phrases that are voiced while more are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass

from ...models.base import ChatDelta, ChatModel
from ...models.errors import BackendError
from .actions import ReplyRequest
from .attempt import ATTEMPTS, Attempt
from .deadline import in_time
from .memory import Recalled
from .outputs import Usage
from .phrasing import Phraser
from .policy import DuplexPolicy
from .sink import Outcome, Sink

FIRST_WORD_DEADLINE_S = 12.0
PATIENCE_S = 4.5
"""After so long without a word a spoken reply says that one is coming: silence on a line sounds like a dead one."""
BETWEEN_WORDS_DEADLINE_S = 8.0
MORE = "Tell me more about it, if you like."
"""Said where the chat model has nothing that may be said."""
MOMENTS = ("Just a moment.", "One second.", "Bear with me a moment.")
APOLOGY = "I'm sorry, I lost my train of thought there. Could you say that again?"


@dataclass(frozen=True, slots=True)
class Writing:
    """The stage of a reply that makes its words, with what it shares with the others."""

    request: ReplyRequest
    chat: ChatModel
    policy: DuplexPolicy
    sink: Sink
    outcome: Outcome

    async def run(self, recalling: Awaitable[Recalled], phrases: asyncio.Queue[str | None]) -> None:
        """Fill `phrases` with what is to be said, and end it with `None`; where no words come, with an apology."""
        phraser, spoken = Phraser(whole=self.policy.whole_reply), False
        if opener := self.outcome.appraisal.opener:
            await phrases.put(f"{opener} ")
        try:
            async for text in self._patiently(self._text(recalling), phrases):
                for phrase in phraser.feed(text):
                    spoken = True
                    await phrases.put(phrase)
        except (BackendError, TimeoutError) as error:
            self.outcome.error = str(error) or "the language model took too long"
            self.sink.degraded("language", self.outcome.error)
        for phrase in phraser.end():
            spoken = True
            await phrases.put(phrase)
        if not spoken and self.outcome.reason is None:
            await phrases.put(APOLOGY)
        await phrases.put(None)

    async def _patiently(self, texts: AsyncIterator[str], phrases: asyncio.Queue[str | None]) -> AsyncIterator[str]:
        """The texts; where the first is long in coming, a spoken reply says that it is."""
        first = asyncio.ensure_future(anext(texts, ""))
        try:
            await asyncio.wait({first}, timeout=PATIENCE_S)
            if not first.done() and self.request.modality == "audio":
                await phrases.put(f"{MOMENTS[self.request.seed % len(MOMENTS)]} ")
            yield await first
        finally:
            first.cancel()
        async for text in texts:
            yield text

    async def _text(self, recalling: Awaitable[Recalled]) -> AsyncIterator[str]:
        """The safe text of the reply as it comes."""
        if self.request.line is not None:
            yield self.request.line
            return
        recalled = await recalling
        for number in range(ATTEMPTS):
            attempt, silent = Attempt(self.request, self.outcome.appraisal, recalled, self.policy, number), True
            async for text in self._attempted(attempt):
                silent = False
                yield text
            if not silent:
                return
        yield MORE

    async def _attempted(self, attempt: Attempt) -> AsyncIterator[str]:
        """What comes of one attempt; it may be nothing at all."""
        stream = self.chat.stream(attempt.prompt.messages, attempt.options)
        async with aclosing(in_time(stream, FIRST_WORD_DEADLINE_S, BETWEEN_WORDS_DEADLINE_S)) as deltas:
            async for delta in deltas:
                self._count(delta)
                said = attempt.feed(delta.text)
                if attempt.appraisal is not self.outcome.appraisal:
                    self.outcome.appraisal = attempt.appraisal
                    self.sink.appraised(attempt.appraisal)
                if said:
                    yield said
                if attempt.done:
                    break
        if said := attempt.end():
            yield said

    def _count(self, delta: ChatDelta) -> None:
        if delta.finish is None:
            return
        self.outcome.usage = Usage(delta.prompt_tokens or 0, delta.completion_tokens or 0)
        if delta.finish == "length" and self.request.max_output_tokens is not None:
            self.outcome.reason = "max_output_tokens"

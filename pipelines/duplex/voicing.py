"""The sound of one reply: its phrases, spoken in order, each in the style that its appraisal asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from ...models.base import Speech, Style
from ...models.errors import BackendError
from . import empathy
from .actions import ReplyRequest
from .backends import Backends
from .deadline import in_time
from .policy import DuplexPolicy
from .sink import Outcome, Sink

SPEECH_DEADLINE_S = 12.0


@dataclass(frozen=True, slots=True)
class Voicing:
    """The stage of a reply that makes its sound, with what it shares with the others."""

    request: ReplyRequest
    backends: Backends
    policy: DuplexPolicy
    sink: Sink
    outcome: Outcome

    async def run(self, phrases: asyncio.Queue[str | None]) -> None:
        """Speak `phrases` up to `None`; where the voice fails, their text goes out all the same."""
        speed, mute = self.request.config.speed, self.request.modality == "text"
        opener = self.outcome.appraisal.opener
        opening = empathy.opener_style(self.outcome.appraisal, speed=speed)
        while (phrase := await phrases.get()) is not None:
            self.sink.phrase(phrase)
            if mute:
                continue
            try:
                style = opening if opener else empathy.style(self.outcome.appraisal, speed=speed)
                await self._speak(phrase, style)
                opener = ""
            except (BackendError, TimeoutError) as error:
                self.sink.degraded("speech", str(error) or "the synthesizer took too long")
                mute = True

    async def _speak(self, phrase: str, style: Style) -> None:
        voice = self.backends.voice(self.request.config.voice)
        stream = self.backends.synthesizer.stream(phrase, voice=voice, style=style)
        pieces = _whole(stream) if self.policy.whole_reply else stream
        first = True
        async with aclosing(in_time(pieces, SPEECH_DEADLINE_S, SPEECH_DEADLINE_S)) as speeches:
            async for speech in speeches:
                self.sink.speech(speech, starts_phrase=first)
                first = False


async def _whole(stream: AsyncIterator[Speech]) -> AsyncIterator[Speech]:
    """Nothing before all of it is there, as synthesizers that do not stream have it."""
    for speech in [speech async for speech in stream]:
        yield speech

"""One reply, from the appraisal to the last piece of speech. Runs as one task; cancelling it stops all of it.

Every stage may fail or be slow; then the reply goes on a shorter way (no appraisal, a plain apology, text
without voice) and says so. It ends with exactly one `finished`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ...models.base import Appraisal, Appraiser
from ...models.errors import BackendError
from ...models.labels import Emotion, Need, Risk, Tactic, Tone
from . import languages, mood, openers, safety
from .actions import ReplyRequest
from .backends import Backends
from .memory import NOTHING, Memory, Recalled
from .policy import DuplexPolicy
from .sink import Outcome, Sink
from .voicing import Voicing
from .writing import Writing

APPRAISAL_DEADLINE_S = 6.0
PHRASES_AHEAD = 2
"""Phrases that may wait for the synthesizer: the language model runs ahead, but not far."""


async def make_reply(
    request: ReplyRequest, backends: Backends, policy: DuplexPolicy, sink: Sink, memory: Memory
) -> None:
    """Appraise, recall, word and voice an answer; tell it to `sink` piece by piece."""
    phrases: asyncio.Queue[str | None] = asyncio.Queue(PHRASES_AHEAD)
    async with asyncio.TaskGroup() as tasks:
        recalling = tasks.create_task(_recall(request, memory, sink))
        request, appraisal = await _appraise(request, backends.appraiser, policy, sink)
        outcome = Outcome(appraisal)
        tasks.create_task(Writing(request, backends.chat, policy, sink, outcome).run(recalling, phrases))
        tasks.create_task(Voicing(request, backends, policy, sink, outcome).run(phrases))
    sink.finished(outcome.usage, outcome.reason, outcome.error)


async def _recall(request: ReplyRequest, memory: Memory, sink: Sink) -> Recalled:
    allowed = request.config.empathy
    if request.line is not None or not allowed.memory:
        return NOTHING
    recalled = await memory.recall(allowed.user, request.situation)
    if recalled.problem is not None:
        sink.degraded("memory", recalled.problem)
    if recalled.facts:
        sink.recalled(recalled.facts)
    return recalled


async def _appraise(
    request: ReplyRequest, appraiser: Appraiser, policy: DuplexPolicy, sink: Sink
) -> tuple[ReplyRequest, Appraisal]:
    """What the reply rests on, and its request: with a line where the words are not the chat model's to choose."""
    if request.line is not None:
        return request, plain_appraisal()
    try:
        async with asyncio.timeout(APPRAISAL_DEADLINE_S):
            appraisal = await appraiser.appraise(request.situation)
    except (BackendError, TimeoutError) as error:
        sink.degraded("appraisal", str(error) or "the appraiser took too long")
        appraisal = plain_appraisal()
    appraisal = mood.moved(safety.checked(appraisal, request.situation), request.situation, policy.persona)
    request = replace(request, line=_fixed(request, appraisal, policy))
    if policy.openers and request.line is None:
        appraisal = replace(appraisal, opener=openers.choose(appraisal, request.situation, request.instructions))
    sink.appraised(appraisal)
    return request, appraisal


def _fixed(request: ReplyRequest, appraisal: Appraisal, policy: DuplexPolicy) -> str | None:
    """What code has to say: support in a crisis, the truth about what we are, that we lack a language."""
    written, situation = request.modality == "text", request.situation
    fixed = safety.fixed_reply(appraisal, situation, region=policy.region, written=written)
    any_written = policy.prompt_form == "full"
    return fixed or languages.excuse(situation.text, situation.past, written=written, any_written=any_written)


def plain_appraisal() -> Appraisal:
    """What holds when nothing could be appraised: listen, calmly."""
    return Appraisal(
        emotion=Emotion.NEUTRAL,
        intensity=0,
        cause="",
        need=Need.BE_HEARD,
        conflict=False,
        risk=Risk.NONE,
        tactics=(Tactic.PARAPHRASING,),
        tone=Tone.WARM,
        confidence=0.0,
        appraiser="none",
    )

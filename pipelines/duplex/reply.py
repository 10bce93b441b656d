"""One reply, from the appraisal to the last piece of speech. Runs as one task; cancelling it stops all of it.

Every stage may fail or be slow; then the reply goes on a shorter way (no appraisal, a plain apology, text
without voice) and says so. It ends with exactly one `finished`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from ...models.base import Appraisal, ChatOptions, Situation, Speech
from ...models.errors import BackendError
from ...models.labels import Emotion, Need, Risk, Tactic, Tone
from . import empathy, languages, mood, noting, openers, safety
from .actions import ReplyRequest
from .backends import Backends
from .guard import Guard
from .memory import NOTHING, Memory, Recalled
from .outputs import StatusReason, Usage
from .phrasing import Phraser
from .policy import DuplexPolicy

APPRAISAL_DEADLINE_S = 6.0
FIRST_WORD_DEADLINE_S = 12.0
PATIENCE_S = 4.5
"""After so long without a word a spoken reply says that one is coming: silence on a line sounds like a dead one."""
BETWEEN_WORDS_DEADLINE_S = 8.0
SPEECH_DEADLINE_S = 12.0
PHRASES_AHEAD = 2
"""Phrases that may wait for the synthesizer: the language model runs ahead, but not far."""
LINE_TOKENS = 48
"""Room for an appraisal line of the model's own."""
MORE = "Tell me more about it, if you like."
"""Said where the chat model has nothing that may be said."""
RESEED = 7919
"""Between the seeds of two attempts at one reply."""
ANOTHER_TEMPERATURE = 0.7
"""Of further attempts: what was likeliest came to nothing."""
MOMENTS = ("Just a moment.", "One second.", "Bear with me a moment.")
APOLOGY = "I'm sorry, I lost my train of thought there. Could you say that again?"


class Sink(Protocol):
    """Where a reply goes as it is made."""

    def appraised(self, appraisal: Appraisal) -> None: ...
    def recalled(self, facts: tuple[str, ...]) -> None: ...
    def phrase(self, text: str) -> None: ...
    def speech(self, speech: Speech, *, starts_phrase: bool) -> None: ...
    def degraded(self, stage: str, message: str) -> None: ...
    def finished(self, usage: Usage, reason: StatusReason | None = None, error: str | None = None) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What became of the words: filled in while they are made."""

    usage: Usage = Usage()
    reason: StatusReason | None = None
    error: str | None = None
    spoken: bool = False
    appraisal: Appraisal | None = None
    """Where the chat model wrote its own: what the reply rests on."""


async def make_reply(
    request: ReplyRequest, backends: Backends, policy: DuplexPolicy, sink: Sink, memory: Memory
) -> None:
    """Appraise, recall, word and voice an answer; tell it to `sink` piece by piece."""
    outcome = Outcome()
    phrases: asyncio.Queue[str | None] = asyncio.Queue(PHRASES_AHEAD)
    async with asyncio.TaskGroup() as tasks:
        recalling = tasks.create_task(_recall(request, memory, sink))
        appraisal = await _appraise(request, backends, policy, sink)
        tasks.create_task(_word(request, appraisal, recalling, backends, policy, phrases, outcome, sink))
        tasks.create_task(_voice(request, appraisal, backends, policy, phrases, outcome, sink))
    sink.finished(outcome.usage, outcome.reason, outcome.error)


async def _appraise(request: ReplyRequest, backends: Backends, policy: DuplexPolicy, sink: Sink) -> Appraisal:
    if request.line is not None:
        return plain_appraisal()
    try:
        async with asyncio.timeout(APPRAISAL_DEADLINE_S):
            appraisal = await backends.appraiser.appraise(request.situation)
    except (BackendError, TimeoutError) as error:
        sink.degraded("appraisal", str(error) or "the appraiser took too long")
        appraisal = plain_appraisal()
    appraisal = mood.moved(safety.checked(appraisal, request.situation), request.situation, policy.persona)
    if policy.openers and _fixed(request, appraisal, policy) is None:
        appraisal = replace(appraisal, opener=openers.choose(appraisal, request.situation, request.instructions))
    sink.appraised(appraisal)
    return appraisal


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


async def _word(
    request: ReplyRequest,
    appraisal: Appraisal,
    recalling: asyncio.Task[Recalled],
    backends: Backends,
    policy: DuplexPolicy,
    phrases: asyncio.Queue[str | None],
    outcome: Outcome,
    sink: Sink,
) -> None:
    """Fill `phrases` with what is to be said, and end it with `None`."""
    phraser = Phraser(whole=policy.whole_reply)
    if appraisal.opener:
        await phrases.put(f"{appraisal.opener} ")
    texts = _text(request, appraisal, recalling, backends, policy, outcome, sink)
    first = asyncio.ensure_future(anext(texts, ""))
    try:
        await asyncio.wait({first}, timeout=PATIENCE_S)
        if not first.done() and request.modality == "audio":
            await phrases.put(f"{MOMENTS[request.seed % len(MOMENTS)]} ")
        async for text in _again(first, texts):
            for phrase in phraser.feed(text):
                outcome.spoken = True
                await phrases.put(phrase)
    except (BackendError, TimeoutError) as error:
        outcome.error = str(error) or "the language model took too long"
        sink.degraded("language", outcome.error)
    finally:
        first.cancel()
    for phrase in phraser.end():
        outcome.spoken = True
        await phrases.put(phrase)
    if not outcome.spoken and outcome.reason is None:
        await phrases.put(APOLOGY)
    await phrases.put(None)


async def _again(first: Awaitable[str], rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """A stream whose first piece was asked for already."""
    yield await first
    async for text in rest:
        yield text


async def _text(
    request: ReplyRequest,
    appraisal: Appraisal,
    recalling: asyncio.Task[Recalled],
    backends: Backends,
    policy: DuplexPolicy,
    outcome: Outcome,
    sink: Sink,
) -> AsyncIterator[str]:
    """The safe text of the reply as it comes.

    A small model speaks better when it does not know of the opener (docs/empathy.md), so it is handed over only where
    the model repeats it. A reply of nothing, or nothing that the guard lets out, is asked for again.
    """
    fixed = _fixed(request, appraisal, policy)
    if fixed is not None:
        yield fixed
        return
    recalled = await recalling
    opener = appraisal.opener
    begun = opener if policy.prompt_form == "full" else ""
    for attempt, prefilled in enumerate((begun, opener, "")):
        opening = openers.Opening("" if prefilled or attempt else opener)
        appraisal, silent = outcome.appraisal or appraisal, True
        async for text in _generated(request, appraisal, recalled, backends, policy, outcome, sink, prefilled, attempt):
            if said := opening.feed(text):
                silent = False
                yield said
            if opening.echoed:
                break
        if said := opening.end():
            silent = False
            yield said
        if not silent:
            return
    yield MORE


async def _generated(
    request: ReplyRequest,
    appraisal: Appraisal,
    recalled: Recalled,
    backends: Backends,
    policy: DuplexPolicy,
    outcome: Outcome,
    sink: Sink,
    prefilled: str,
    attempt: int,
) -> AsyncIterator[str]:
    """What the chat model says after `prefilled`, as far as the guard lets it; it may be nothing at all."""
    situation = request.situation
    line = (
        noting.Line()
        if policy.prompt_form == "adapter" and attempt == 0 and noting.wanted(appraisal, situation)
        else None
    )
    prompt = empathy.prompt(
        situation,
        appraisal,
        instructions=request.instructions,
        form=policy.prompt_form,
        name=recalled.name,
        facts=recalled.facts,
        opener=prefilled,
        unnoted=line is not None,
    )
    options = ChatOptions(
        max_tokens=(request.max_output_tokens or 96) + (LINE_TOKENS if line else 0),
        grammar=noting.grammar(appraisal, situation, policy.persona) if line else "",
        stop=prompt.stop,
        prefill=prompt.prefill,
        temperature=prompt.temperature if attempt == 0 else ANOTHER_TEMPERATURE,
        seed=request.seed + attempt * RESEED,
    )
    guard = Guard(
        past=situation.past,
        heard=situation.text,
        opener=appraisal.opener,
        known=" ".join([situation.text, *recalled.facts, request.instructions, *_said_before(situation)]),
        max_sentences=policy.max_reply_sentences,
        max_words=policy.max_reply_words,
    )
    deadline = FIRST_WORD_DEADLINE_S
    stream = backends.chat.stream(prompt.messages, options)
    try:
        while not guard.done:
            async with asyncio.timeout(deadline):
                delta = await anext(stream, None)
            if delta is None:
                break
            deadline = BETWEEN_WORDS_DEADLINE_S
            if delta.finish is not None:
                outcome.usage = Usage(delta.prompt_tokens or 0, delta.completion_tokens or 0)
                if delta.finish == "length" and request.max_output_tokens is not None:
                    outcome.reason = "max_output_tokens"
            said = line.feed(delta.text) if line else delta.text
            if line and line.over and outcome.appraisal is None:
                outcome.appraisal = _noted(appraisal, line)
                if outcome.appraisal is None:
                    return
                sink.appraised(outcome.appraisal)
            if safe := guard.feed(said):
                yield safe
        if rest := guard.end():
            yield rest
    finally:
        await _close(stream)


def _noted(appraisal: Appraisal, line: noting.Line) -> Appraisal | None:
    """The appraisal with the model's own line; `None` where that is none, and its reply rests on nothing."""
    try:
        return noting.noted(appraisal, line.text)
    except ValueError:
        return None


def _said_before(situation: Situation) -> Iterator[str]:
    for turn in situation.past:
        yield from (turn.user, turn.reply)


def _fixed(request: ReplyRequest, appraisal: Appraisal, policy: DuplexPolicy) -> str | None:
    """What is said as it is, without the chat model."""
    if request.line is not None:
        return request.line
    written, situation = request.modality == "text", request.situation
    fixed = safety.fixed_reply(appraisal, situation, region=policy.region, written=written)
    any_written = policy.prompt_form == "full"
    return fixed or languages.excuse(situation.text, situation.past, written=written, any_written=any_written)


async def _voice(
    request: ReplyRequest,
    appraisal: Appraisal,
    backends: Backends,
    policy: DuplexPolicy,
    phrases: asyncio.Queue[str | None],
    outcome: Outcome,
    sink: Sink,
) -> None:
    """Speak the phrases in order; where the voice fails, their text goes out all the same."""
    opening = empathy.opener_style(appraisal, speed=request.config.speed)
    opener = appraisal.opener
    mute = request.modality == "text"
    voice = backends.voice(request.config.voice)
    while (phrase := await phrases.get()) is not None:
        sink.phrase(phrase)
        if mute:
            continue
        try:
            style = opening if opener else empathy.style(outcome.appraisal or appraisal, speed=request.config.speed)
            stream = backends.synthesizer.stream(phrase, voice=voice, style=style)
            await _speak(_whole(stream) if policy.whole_reply else stream, sink)
            opener = ""
        except (BackendError, TimeoutError) as error:
            sink.degraded("speech", str(error) or "the synthesizer took too long")
            mute = True


async def _speak(stream: AsyncIterator[Speech], sink: Sink) -> None:
    first = True
    try:
        while True:
            async with asyncio.timeout(SPEECH_DEADLINE_S):
                speech = await anext(stream, None)
            if speech is None:
                return
            sink.speech(speech, starts_phrase=first)
            first = False
    finally:
        await _close(stream)


async def _whole(stream: AsyncIterator[Speech]) -> AsyncIterator[Speech]:
    """Nothing before all of it is there, as synthesizers that do not stream have it."""
    for speech in [speech async for speech in stream]:
        yield speech


async def _close(stream: object) -> None:
    """Leave an async generator at once, so that its backend stops working."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


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

"""How fast each stage of the loop is on this machine: one stage at a time, on one recording or one sentence."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from statistics import median
from typing import Any

import numpy as np

from ...models.base import (
    HEARING_RATE_HZ,
    VAD_FRAME_SAMPLES,
    Baseline,
    ChatOptions,
    Message,
    Recognition,
    Samples,
    Situation,
    Style,
)

ROUNDS = 3
"""Medians of this many, after one that is not counted."""
SENTENCE = "That sounds like a lot to carry, and I'm glad that you told me about it tonight."
NIGHTS = ("All night?", "Last night?", "Each night?", "Some nights?")
SAID = "I felt it in my bones when I woke this morning that something splendid was going to turn up."
TOKENS = 48

Figures = dict[str, float]


async def vad(backend: Any, audio: Samples) -> Figures:
    """`frame_ms`: one 32 ms frame."""
    stream = backend.stream()
    usable = len(audio) // VAD_FRAME_SAMPLES * VAD_FRAME_SAMPLES
    began = time.perf_counter()
    for start in range(0, usable, VAD_FRAME_SAMPLES):
        stream.probability(audio[start : start + VAD_FRAME_SAMPLES])
    return {"frame_ms": round((time.perf_counter() - began) * 1000 * VAD_FRAME_SAMPLES / max(usable, 1), 3)}


async def turn(backend: Any, audio: Samples) -> Figures:
    """`ms`: one judgement of a pause."""
    return {"ms": await _milliseconds(lambda: backend.completion(audio))}


async def recognition(backend: Any, audio: Samples) -> Figures:
    """`ms` for the recording; `rtf`: seconds of work a second of audio."""
    spent = await _milliseconds(lambda: backend.recognize(audio))
    return {"ms": spent, "rtf": round(spent / 1000 / (len(audio) / HEARING_RATE_HZ), 3)}


async def cues(backend: Any, audio: Samples, heard: Recognition | None) -> Figures:
    """`ms` for the recording, beyond recognition."""
    transcript, encoding = (heard.transcript, heard.encoding) if heard is not None else (None, None)
    spent = await _milliseconds(
        lambda: backend.extract(audio, baseline=Baseline(), transcript=transcript, encoding=encoding)
    )
    return {"ms": spent, "rtf": round(spent / 1000 / (len(audio) / HEARING_RATE_HZ), 3)}


async def appraisal(backend: Any) -> Figures:
    """`ms` for one sentence."""
    return {"ms": await _milliseconds(lambda: backend.appraise(Situation(SAID)))}


async def embedding(backend: Any, audio: Samples) -> Figures:
    """`ms` for one sentence."""
    return {"ms": await _milliseconds(lambda: backend.embed(SAID))}


async def language(backend: Any) -> Figures:
    """`first_token_ms` with the prompt read before, and `tokens_per_s` after it."""
    found = [await _generation(backend) for _ in range(ROUNDS + 1)][1:]
    return {
        "first_token_ms": round(median(first for first, _ in found), 1),
        "tokens_per_s": round(median(rate for _, rate in found), 1),
    }


async def speech(backend: Any) -> Figures:
    """`first_audio_ms` of a sentence, `rtf` of all of it."""
    found = [await _synthesis(backend, turn) for turn in range(ROUNDS + 1)][1:]
    return {
        "first_audio_ms": round(median(first for first, _ in found), 1),
        "rtf": round(median(rtf for _, rtf in found), 3),
    }


async def _milliseconds(call: Callable[[], Awaitable[object]]) -> float:
    spent = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - began) * 1000)
    return round(median(spent[1:]), 1)


async def _generation(backend: Any) -> tuple[float, float]:
    messages = [Message("system", "You are a warm, attentive listener."), Message("user", SAID)]
    times = [time.perf_counter()]
    async with aclosing(backend.stream(messages, ChatOptions(max_tokens=TOKENS, temperature=0.0))) as stream:
        async for delta in stream:
            if delta.text:
                times.append(time.perf_counter())
    spoken = max(len(times) - 2, 0)
    first = (times[1] - times[0]) * 1000 if len(times) > 1 else float("nan")
    return first, spoken / max(times[-1] - times[min(1, len(times) - 1)], 1e-9)


async def _synthesis(backend: Any, turn: int) -> tuple[float, float]:
    """Each turn's sentence is another, lest the voice say from memory what it said before."""
    began = time.perf_counter()
    first, samples = float("nan"), 0
    stream: AsyncIterator[Any] = backend.stream(f"{SENTENCE} {NIGHTS[turn]}", voice="default", style=Style())
    async for piece in stream:
        if not samples:
            first = (time.perf_counter() - began) * 1000
        samples += len(np.asarray(piece.samples))
    return first, (time.perf_counter() - began) / max(samples / backend.rate_hz, 1e-9)


STAGES: Mapping[str, Callable[..., Awaitable[Figures]]] = {
    "vad": vad,
    "embedder": embedding,
    "turn": turn,
    "asr": recognition,
    "cues": cues,
    "appraiser": appraisal,
    "llm": language,
    "tts": speech,
}
"""By section of the settings."""

"""`affetto eval echo`: whether the configured voice, come back, is told from people who speak over it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ...clients import sound
from ...clients.bench import material
from ...models import registry
from ...models.base import Samples, Style, Synthesizer
from ...models.labels import Tone
from ...models.store import Store
from ...pipelines.evaluation import echo, speech
from ...pipelines.evaluation.speech_sentences import SENTENCES
from ..protocol import PCM_RATE_HZ
from ..settings import Settings
from . import weights

SPOKEN = 24
"""Sentences of ours, where nothing else is said."""

told = echo.told


def report(settings: Settings, sentences: int | None = None, rooms: Path | None = None) -> dict[str, Any]:
    """`rooms` is a folder of impulse responses, for those that are made up. Raises UnreadableAudio."""
    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith(("kokoro", "piper"))])
    voice = registry.create("tts", settings.tts.backend, settings.tts.options, store)
    shipped = material.load()
    people = [echo.prepared(each.pcm, PCM_RATE_HZ) for each in (*shipped.questions, *shipped.interruptions)]
    real = [echo.prepared(sound.read(path), PCM_RATE_HZ) for path in sorted(rooms.iterdir())] if rooms else []
    return echo.evaluate(echo.Stage(asyncio.run(_ours(voice, sentences or SPOKEN)), people, real), echo.TRIALS)


async def _ours(voice: Synthesizer, sentences: int) -> list[Samples]:
    """Sentences in every tone."""
    tones = list(Tone)
    spoken = [
        await speech.speak(voice, text, Style(tone=tones[index % len(tones)]))
        for index, text in enumerate(SENTENCES[:sentences])
    ]
    return [echo.prepared(each.samples, each.rate_hz) for each in spoken]

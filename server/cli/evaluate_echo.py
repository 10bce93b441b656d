"""`affetto eval echo`: whether the configured voice, come back, is told from people who speak over it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ...models import registry
from ...models.base import Samples, Style, Synthesizer
from ...models.labels import Tone
from ...models.store import Store
from ...pipelines.evaluation import asr, echo, speech
from ...pipelines.evaluation.speech_sentences import SENTENCES
from ..settings import Settings
from . import weights

PEOPLE = Path(__file__).parents[2] / "clients" / "recordings"
SPOKEN = 24
"""Sentences of ours, where nothing else is said."""

told = echo.told


def report(settings: Settings, sentences: int | None = None, rooms: Path | None = None) -> dict[str, Any]:
    """`rooms` is a folder of impulse responses, for those that are made up.

    Raises OSError or soundfile.SoundFileError for one that cannot be read.
    """
    real = [asr.read(path) for path in sorted(rooms.iterdir())] if rooms else []
    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith(("kokoro", "piper"))])
    voice = registry.create("tts", settings.tts.backend, settings.tts.options, store)
    people = [asr.read(path) for kind in ("questions", "interruptions") for path in sorted((PEOPLE / kind).iterdir())]
    ours = asyncio.run(_ours(voice, sentences or SPOKEN))
    return echo.evaluate(echo.Stage(*(list(map(echo.begun, sounds)) for sounds in (ours, people, real))), echo.TRIALS)


async def _ours(voice: Synthesizer, sentences: int) -> list[Samples]:
    """Sentences in every tone."""
    tones = list(Tone)
    spoken = [
        await speech.speak(voice, text, Style(tone=tones[index % len(tones)]))
        for index, text in enumerate(SENTENCES[:sentences])
    ]
    return [each.heard for each in spoken]

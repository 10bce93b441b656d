"""Openers are rendered in the background: all of them, gently, and never in the server's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from affetto.models.base import Speech, Style
from affetto.models.errors import Failed
from affetto.pipelines.duplex import openers
from affetto.server import warming
from affetto.server.settings import load
from virtual import run


class Voice:
    rate_hz = 24_000
    voices = ("default",)

    def __init__(self, fails_at: int = -1) -> None:
        self.spoken: list[tuple[str, str, Style]] = []
        self._fails_at = fails_at

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        if len(self.spoken) == self._fails_at:
            raise Failed("no more breath")
        self.spoken.append((text, voice, style))
        yield Speech(np.zeros(10, np.int16), self.rate_hz)


def test_every_opener_is_rendered_once_as_a_reply_would_speak_it() -> None:
    voice = Voice()
    assert run(warming.warm(voice, "af_bella", lambda: False)) == len(openers.renditions())
    assert [(text, style.tone) for text, _, style in voice.spoken] == list(openers.renditions())
    assert {name for _, name, _ in voice.spoken} == {"af_bella"}


def test_while_somebody_talks_it_goes_slowly() -> None:
    async def main() -> float:
        await warming.warm(Voice(), "default", lambda: True)
        return asyncio.get_running_loop().time()

    assert run(main()) >= len(openers.renditions()) * warming.BUSY_REST_S


def test_a_voice_that_fails_is_left_alone() -> None:
    voice = Voice(fails_at=3)
    assert run(warming.warm(voice, "default", lambda: False)) == 3


def test_it_ends_with_the_server_and_stays_away_where_it_is_not_wanted() -> None:
    async def main(**overrides: object) -> int:
        voice = Voice()
        settings = load(None, {"profile": "scripted", **{key.replace("__", "."): v for key, v in overrides.items()}})
        async with warming.warmed(settings, voice, lambda: True):
            await asyncio.sleep(12)
        assert len(asyncio.all_tasks()) == 1
        return len(voice.spoken)

    assert run(main()) == 3
    assert run(main(voice__render_openers=False)) == 0
    assert run(main(duplex__openers=False)) == 0


class Keeper(Voice):
    """Keeps what it rendered: a second start finds it there."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: set[tuple[str, str]] = set()

    async def warm(self, phrases: list[tuple[str, str, Style]]) -> int:
        new = {(text, str(style.tone)) for text, _, style in phrases} - self.kept
        self.kept |= new
        return len(new)


def test_what_was_rendered_before_costs_no_rest() -> None:
    async def main() -> float:
        await warming.warm(voice, "default", lambda: True)
        return asyncio.get_running_loop().time()

    voice = Keeper()
    assert run(main()) >= len(openers.renditions()) * warming.BUSY_REST_S
    assert run(main()) < warming.BUSY_REST_S
    assert not voice.spoken

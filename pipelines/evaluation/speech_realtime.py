"""Whether a voice keeps ahead of a sound card that plays it: ten minutes of it take ten minutes.

Replies are cut into phrases, spoken and sent as by a session (the `Phraser` and `Pacer` of pipelines/duplex), and
played by what takes 20 ms of sound every 20 ms, as a sound card does. It has no buffer but what was sent ahead
(`affetto eval speech --playback 10 --real-time`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from ...models.base import Style, Synthesizer
from ...models.labels import Tone
from ..duplex.pacing import AudioPiece, Pacer
from ..duplex.phrasing import Phraser
from .speech_playback import PAUSE_S, PHRASES

BLOCK_S = 0.02
"""Sound that is taken at a time."""


@dataclass(slots=True)
class SoundCard:
    """Takes `block` samples at a time from those that arrived; plays silence where they do not suffice."""

    block: int
    waiting: int = 0
    playing: bool = False
    dry: bool = False
    played: int = 0
    missed: int = 0
    """Samples of silence within replies."""
    underruns: int = 0
    """Stretches of such silence."""

    def arrive(self, samples: int) -> None:
        self.waiting += samples
        self.playing = True

    def pull(self, *, final: bool) -> None:
        """Play a block, or what there is; `final` once all of the reply has arrived."""
        if not self.playing:
            return
        taken = min(self.block, self.waiting)
        self.waiting -= taken
        self.played += taken
        short = self.block - taken
        if short and not final:
            self.missed += short
            self.underruns += not self.dry
        self.dry = bool(short) and not final
        self.playing = bool(self.waiting) or not final


async def realtime(voice: Synthesizer, sentences: Sequence[str], *, minutes: float) -> dict[str, Any]:
    """Play so many minutes of sound, in replies of three sentences, tone after tone."""
    card, texts, tones = SoundCard(round(voice.rate_hz * BLOCK_S)), cycle(sentences), cycle(Tone)
    while card.played < minutes * 60 * voice.rate_hz:
        await _reply(voice, [next(texts) for _ in range(PHRASES)], Style(next(tones)), card)
        await asyncio.sleep(PAUSE_S)
    return {
        "underruns": card.underruns,
        "silent_s": round(card.missed / voice.rate_hz, 3),
        "played_s": round(card.played / voice.rate_hz, 1),
    }


async def _reply(voice: Synthesizer, sentences: Sequence[str], style: Style, card: SoundCard) -> None:
    """Speak a reply while it is played, to its last sample."""
    pacer, clock = Pacer(), asyncio.get_running_loop().time
    pacer.release()
    began, pulled = clock(), 0
    async with asyncio.TaskGroup() as group:
        group.create_task(_speak(voice, sentences, style, pacer))
        while card.playing or not pacer.drained():
            now = clock()
            while began + pulled * BLOCK_S <= now:  # what the card took while we were away came before what arrives
                card.pull(final=pacer.drained())
                pulled += 1
            for piece in pacer.due(now):
                if isinstance(piece, AudioPiece):
                    card.arrive(len(piece.samples))
            await asyncio.sleep(began + pulled * BLOCK_S - clock())


async def _speak(voice: Synthesizer, sentences: Sequence[str], style: Style, pacer: Pacer) -> None:
    phraser = Phraser()
    for phrase in [*phraser.feed(" ".join(sentences)), *phraser.end()]:
        async with aclosing(voice.stream(phrase, voice="default", style=style)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                pacer.add_audio(piece.samples, piece.rate_hz)
    pacer.finish()

"""Talk with a microphone and a loudspeaker, full duplex (extra `microphone`)."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Any

from ..server.protocol import PCM_RATE_HZ
from .connection import Call, Event
from .errors import NoSound
from .playout import Playout
from .turn import Pcm

BLOCK = PCM_RATE_HZ // 50
JITTER_MS = 60
BACKLOG_BLOCKS = 250
"""Microphone audio that may wait for the network, 5 s; beyond it the oldest is dropped."""
REPORT_S = 0.1
SESSION: dict[str, Any] = {"empathy": {"events": True, "playback_reports": True}}
"""What a call needs to be told, so that our loudspeaker can follow the server."""


def sound_library() -> Any:
    """The `sounddevice` module, with a microphone and a loudspeaker there. Raises NoSound."""
    try:
        library = importlib.import_module("sounddevice")
    except ModuleNotFoundError:
        raise NoSound("talking needs the microphone extra: pip install 'affetto[microphone]'") from None
    except OSError as error:
        raise NoSound(f"the sound library cannot start ({error}): install PortAudio (Debian: libportaudio2)") from None
    for kind, name in (("input", "microphone"), ("output", "loudspeaker")):
        try:
            library.query_devices(kind=kind)
        except (ValueError, library.PortAudioError) as error:
            raise NoSound(
                f"no {name} was found ({error}): plug one in, or use `affetto say FILE.wav` or `affetto chat`"
            ) from None
    return library


class Loudspeaker:
    """A playout between two threads: events fill it, the sound card's thread empties it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._playout = Playout(jitter_ms=JITTER_MS)

    def take(self, event: Event) -> None:
        with self._lock:
            self._playout.take(event)

    def fill(self, count: int) -> Pcm:
        with self._lock:
            return self._playout.fill(count)

    def position(self) -> tuple[str, int]:
        """The answer that sounds, and how many milliseconds of it have."""
        with self._lock:
            return self._playout.item_id, self._playout.played_ms


async def talk(call: Call, show: Callable[[Event], None], *, library: Any = None) -> None:
    """Until the call ends: microphone to server, server to loudspeaker, events to `show`. Raises NoSound, CallEnded."""
    card = library or sound_library()
    loop, speaker = asyncio.get_running_loop(), Loudspeaker()
    blocks: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG_BLOCKS)

    def on_block(indata: Any, outdata: Any, frames: int, time: Any, status: Any) -> None:
        loop.call_soon_threadsafe(_offer, blocks, bytes(indata))
        outdata[:] = speaker.fill(frames).tobytes()

    try:
        stream = card.RawStream(samplerate=PCM_RATE_HZ, blocksize=BLOCK, channels=1, dtype="int16", callback=on_block)
    except card.PortAudioError as error:
        raise NoSound(f"the sound card does not take 24 kHz mono ({error}): choose another default device") from None
    with stream:
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(_send(call, blocks)), tasks.create_task(_report(call, speaker))]
            async for event in call:
                speaker.take(event)
                show(event)
            for helper in helpers:
                helper.cancel()


def _offer(blocks: asyncio.Queue[bytes], block: bytes) -> None:
    """Drop the oldest sound rather than fall behind."""
    if blocks.full():
        blocks.get_nowait()
    blocks.put_nowait(block)


async def _send(call: Call, blocks: asyncio.Queue[bytes]) -> None:
    while True:
        await call.send_audio(await blocks.get())


async def _report(call: Call, speaker: Loudspeaker) -> None:
    """Tell the server what was played, while something is."""
    last = ("", 0)
    while True:
        await asyncio.sleep(REPORT_S)
        if (now := speaker.position()) != last and now[0]:
            last = now
            await call.report_played(*now)

"""Talk with a microphone and loudspeaker, full duplex (extra `microphone`)."""

from __future__ import annotations

import asyncio
import base64
import importlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from .connection import WIRE_RATE_HZ, Call, Event

BLOCK = int(WIRE_RATE_HZ * 0.02)
DUCK_GAIN = 0.126


class NoSound(Exception):
    """There is no sound device, or the library for it is missing; the message says what to do."""


def sound_library() -> Any:
    """The `sounddevice` module, with a microphone and a loudspeaker there. Raises NoSound."""
    try:
        library = importlib.import_module("sounddevice")
    except ModuleNotFoundError:
        raise NoSound("talking needs the microphone extra: pip install 'affetto[microphone]'") from None
    except OSError as error:
        raise NoSound(f"the sound library cannot start ({error}): install PortAudio (Debian: libportaudio2)") from None
    try:
        library.query_devices(kind="input")
        library.query_devices(kind="output")
    except (ValueError, library.PortAudioError) as error:
        raise NoSound(
            f"no microphone or loudspeaker was found ({error}): use `affetto say FILE.wav` or `affetto chat` here"
        ) from None
    return library


class Speaker:
    """What is to be played, filled by events and emptied by the sound card's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: deque[tuple[str, np.ndarray[Any, np.dtype[np.int16]]]] = deque()
        self._gain = 1.0
        self._held = False
        self.item_id = ""
        self.played = 0

    def take(self, event: Event) -> None:
        """Follow the server: audio in, lower, hold, go on, drop."""
        with self._lock:
            match event["type"]:
                case "response.output_audio.delta":
                    pcm = np.frombuffer(base64.b64decode(event["delta"]), "<i2").astype(np.int16)
                    self._blocks.append((event["item_id"], pcm))
                case "empathy.duck":
                    self._gain = DUCK_GAIN
                case "empathy.hold":
                    self._held = True
                case "empathy.resume":
                    self._gain, self._held = 1.0, False
                case "input_audio_buffer.speech_started":
                    self._blocks.clear()
                    self._gain, self._held = 1.0, False

    def fill(self, count: int) -> np.ndarray[Any, np.dtype[np.int16]]:
        """The next `count` samples to play; silence where there are none."""
        out = np.zeros(count, np.int16)
        with self._lock:
            at = 0
            while at < count and self._blocks and not self._held:
                item_id, pcm = self._blocks.popleft()
                if item_id != self.item_id:
                    self.item_id, self.played = item_id, 0
                used = pcm[: count - at]
                out[at : at + len(used)] = used * self._gain
                at += len(used)
                self.played += len(used)
                if len(used) < len(pcm):
                    self._blocks.appendleft((item_id, pcm[len(used) :]))
        return out


async def talk(call: Call, show: Callable[[Event], None]) -> None:
    """Until interrupted: microphone to server, server to loudspeaker, events to `show`. Raises NoSound."""
    library = sound_library()
    loop, speaker = asyncio.get_running_loop(), Speaker()
    microphone: asyncio.Queue[bytes] = asyncio.Queue(250)

    def on_block(indata: Any, outdata: Any, frames: int, time: Any, status: Any) -> None:
        loop.call_soon_threadsafe(_offer, microphone, bytes(indata))
        outdata[:] = speaker.fill(frames).tobytes()

    stream = library.RawStream(samplerate=WIRE_RATE_HZ, blocksize=BLOCK, channels=1, dtype="int16", callback=on_block)
    with stream:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send(call, microphone))
            tasks.create_task(_report(call, speaker))
            async for event in call:
                speaker.take(event)
                show(event)


def _offer(queue: asyncio.Queue[bytes], block: bytes) -> None:
    """Drop the oldest sound rather than fall behind."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(block)


async def _send(call: Call, microphone: asyncio.Queue[bytes]) -> None:
    while True:
        await call.send_audio(await microphone.get())


async def _report(call: Call, speaker: Speaker) -> None:
    """Tell the server what was played, while something is."""
    last = ("", 0)
    while True:
        await asyncio.sleep(0.1)
        now = (speaker.item_id, speaker.played)
        if now != last and now[0]:
            last = now
            await call.report_played(now[0], now[1] * 1000 // WIRE_RATE_HZ)

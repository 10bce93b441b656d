"""A robot: its own driver calls back with sound, and it shows in its body that it listens, thinks and feels with you.

Fill in `Robot` for yours, call `Companion.on_sound` from its audio callback (any thread), and run `Companion.run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import affetto
from affetto.server.protocol import pcm_of

from ..turn import Pcm

SESSION: dict[str, Any] = {"empathy": {"events": True, "backchannels": True}}
BACKLOG_BLOCKS = 100
GAZE = {
    "neutral": "open",
    "sad": "soft",
    "grieving": "soft",
    "happy": "bright",
    "excited": "bright",
    "afraid": "steady",
}
"""How the robot looks at a person who feels so; it does not mirror anger or grief."""


class Robot(Protocol):
    """What a body can do. Each of these returns at once."""

    def play(self, pcm: Pcm) -> None:
        """Queue sound for the loudspeaker: mono, 24 kHz, signed 16 bit."""

    def stop_playing(self) -> None:
        """Throw away what was queued."""

    def turn_to_speaker(self) -> None: ...

    def think(self) -> None: ...

    def look(self, gaze: str) -> None: ...


class Companion:
    """Between a robot and a server."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self._loop = asyncio.get_running_loop()
        self._blocks: asyncio.Queue[Pcm] = asyncio.Queue(BACKLOG_BLOCKS)

    def on_sound(self, pcm: Pcm) -> None:
        """Take a block of the microphones, mono at 24 kHz, from whichever thread the driver has."""
        self._loop.call_soon_threadsafe(self._offer, pcm)

    async def run(self, url: str | None = None) -> None:
        """Until the call ends. Raises CannotConnect, CallEnded."""
        async with affetto.connect(url, **SESSION) as call, asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send(call))
            async for event in call:
                self.react(event)
            sender.cancel()

    def react(self, event: Mapping[str, Any]) -> None:
        """What the body does about an event."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._robot.stop_playing()
                self._robot.turn_to_speaker()
            case "input_audio_buffer.speech_stopped":
                self._robot.think()
            case "response.output_audio.delta" | "empathy.backchannel":
                self._robot.play(pcm_of(event["delta"]))
            case "response.done" if appraisal := (event.get("empathy") or {}).get("appraisal"):
                self._robot.look(GAZE.get(appraisal["emotion"], "soft"))

    def _offer(self, pcm: Pcm) -> None:
        if self._blocks.full():
            self._blocks.get_nowait()  # old sound is worth less than new
        self._blocks.put_nowait(pcm)

    async def _send(self, call: Any) -> None:
        while True:
            await call.send_audio(await self._blocks.get())

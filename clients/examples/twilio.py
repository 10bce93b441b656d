"""A telephone number, by Twilio Media Streams: G.711 both ways, interruptions, and what the caller really heard.

    python -m affetto.clients.examples.twilio [URL] [PORT]

and point the number at TwiML such as

    <Response><Say>You will talk with an AI.</Say><Connect><Stream url="wss://YOUR-HOST/"/></Connect></Response>

The feelings in a caller's voice are not read here: a caller must first be told, and able to refuse (`acoustic`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

import affetto

G711 = {"format": {"type": "audio/pcmu"}}
SESSION: dict[str, Any] = {
    "audio": {"input": G711, "output": G711},
    "empathy": {"acoustic": False, "playback_reports": True},
}
BYTES_A_MS = 8


class Bridge:
    """One telephone call: Twilio's socket on one side, an Affetto call on the other."""

    def __init__(self, phone: ServerConnection, call: Any, stream: str) -> None:
        self._phone = phone
        self._call = call
        self._stream = stream
        self._sent_ms: dict[str, float] = {}
        self._round = 0
        """Counts what was thrown away: Twilio returns the marks of that at once, as if it had been played."""

    async def run(self) -> None:
        """Until either side hangs up."""
        async with asyncio.TaskGroup() as tasks:
            sides = [tasks.create_task(side) for side in (self._from_phone(), self._to_phone())]
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for side in sides:
                side.cancel()

    async def _from_phone(self) -> None:
        async for text in self._phone:
            message = json.loads(text)
            match message["event"]:
                case "media":
                    await self._call.send("input_audio_buffer.append", audio=message["media"]["payload"])
                case "mark":
                    await self._played(message["mark"]["name"])
                case "stop":
                    return

    async def _to_phone(self) -> None:
        async for event in self._call:
            match event["type"]:
                case "response.output_audio.delta":
                    await self._play(event["item_id"], event["delta"])
                case "input_audio_buffer.speech_started":
                    self._round += 1
                    await self._send("clear")

    async def _play(self, item_id: str, payload: str) -> None:
        """The mark comes back when the caller has heard up to here."""
        heard_ms = self._sent_ms.get(item_id, 0.0) + len(base64.b64decode(payload)) / BYTES_A_MS
        self._sent_ms = {item_id: heard_ms}
        await self._send("media", media={"payload": payload})
        await self._send("mark", mark={"name": f"{self._round} {item_id} {round(heard_ms)}"})

    async def _played(self, mark: str) -> None:
        round_, item_id, heard_ms = mark.split(" ")
        if int(round_) == self._round:
            await self._call.report_played(item_id, int(heard_ms))

    async def _send(self, event: str, **fields: Any) -> None:
        await self._phone.send(json.dumps({"event": event, "streamSid": self._stream, **fields}))


async def answer(phone: ServerConnection, url: str | None = None) -> None:
    """Take one telephone call, from Twilio's `start` on."""
    async for text in phone:
        message = json.loads(text)
        if message["event"] == "start":
            async with affetto.connect(url, **SESSION) as call:
                await Bridge(phone, call, message["start"]["streamSid"]).run()
            return


async def main(url: str | None = None, port: str = "8700") -> None:
    async with serve(lambda phone: answer(phone, url), "0.0.0.0", int(port)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""The examples, each run as it stands against a server over scripted models."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve

from affetto.clients.examples import file, microphone, robot, twilio, voice_assistant
from affetto.clients.turn import Pcm
from affetto.server.audio import AudioOutput
from live import RATE_HZ, Live, running, voice

WAIT_S = 15


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(tts__options__word_s=0.1) as server:
        yield server


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    soundfile.write(path, np.concatenate([voice(0.8), np.zeros(RATE_HZ, np.int16)]), RATE_HZ)
    return path


def test_file(live: Live, question: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = asyncio.run(file.main(str(question), live.ws))
    assert soundfile.info(answer).duration > 0.5
    assert "reply: That sounds like a long day." in capsys.readouterr().out


def test_voice_assistant(live: Live, question: Path, tmp_path: Path) -> None:
    assert voice_assistant.main(str(question), str(tmp_path / "answer.mp3"), live.http)
    assert soundfile.info(tmp_path / "answer.mp3").duration > 0.5


def test_the_voice_assistant_remembers_what_was_said(live: Live) -> None:
    assistant = voice_assistant.Assistant(live.http)
    assistant.think("I lost my keys.")
    assistant.think("And my phone.")
    assert [message["role"] for message in assistant._messages] == ["user", "assistant"] * 2
    assistant.close()


class Card:
    """A sound card whose microphone hears one thing; it runs until somebody has heard enough."""

    PortAudioError = OSError

    def __init__(self) -> None:
        self.heard = np.zeros(0, np.int16)

    def RawStream(self, *, blocksize: int, callback: Callable[..., None], **options: Any) -> Card:  # noqa: N802
        self._blocksize, self._callback = blocksize, callback
        return self

    def __enter__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        sound = np.concatenate([voice(0.8), np.zeros(60 * RATE_HZ, np.int16)])
        for start in range(0, len(sound), self._blocksize):
            out = np.zeros(self._blocksize, np.int16)
            block = sound[start : start + self._blocksize].tobytes()
            self._callback(block, memoryview(out).cast("B"), self._blocksize, None, 0)
            self.heard = np.concatenate([self.heard, out])
            if self._over.wait(self._blocksize / RATE_HZ):
                return


def test_microphone(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    card, told = Card(), []

    async def talk() -> None:
        call = asyncio.create_task(microphone.main(live.ws, card))
        async with asyncio.timeout(WAIT_S):
            while not (np.any(card.heard) and "it:" in "".join(told)):
                told.append(capsys.readouterr().out)
                await asyncio.sleep(0.02)
        call.cancel()

    asyncio.run(talk())
    assert "you: I had a long day." in "".join(told)


class Body:
    """A robot that only notes what it does."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.looked = asyncio.Event()

    def play(self, pcm: Pcm) -> None:
        self.did.append("play")

    def stop_playing(self) -> None:
        self.did.append("stop")

    def turn_to_speaker(self) -> None:
        self.did.append("turn")

    def think(self) -> None:
        self.did.append("think")

    def look(self, gaze: str) -> None:
        self.did.append(f"look {gaze}")
        self.looked.set()


def test_robot(live: Live) -> None:
    async def meet() -> list[str]:
        body = Body()
        companion = robot.Companion(body)
        running_ = asyncio.create_task(companion.run(live.ws))

        def driver() -> None:
            for block in np.split(np.concatenate([voice(0.8), np.zeros(RATE_HZ * 6 // 5, np.int16)]), 100):
                companion.on_sound(block)

        await asyncio.to_thread(driver)
        async with asyncio.timeout(WAIT_S):
            await body.looked.wait()
        running_.cancel()
        return body.did

    did = asyncio.run(meet())
    assert [act for i, act in enumerate(did) if not i or act != did[i - 1]] == [
        "stop", "turn", "think", "play", "look open",
    ]  # fmt: skip


class Phone:
    """Twilio's side of a call: sends 20 ms of mu-law at a time, returns marks as what it was sent is played."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.heard = b""
        self.marks: list[str] = []
        self.clears = 0

    async def send(self, event: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"event": event, "streamSid": "MZ1", **fields}))

    async def say(self, pcm: Pcm) -> None:
        data = AudioOutput("audio/pcmu").encode(pcm, RATE_HZ)
        for start in range(0, len(data), 160):
            payload = base64.b64encode(data[start : start + 160]).decode()
            await self.send("media", media={"track": "inbound", "payload": payload})

    async def listen(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough():
                message = json.loads(await self._socket.recv())
                assert message["streamSid"] == "MZ1"
                match message["event"]:
                    case "media":
                        self.heard += base64.b64decode(message["media"]["payload"])
                    case "mark":
                        self.marks.append(message["mark"]["name"])
                        await self.send("mark", mark=message["mark"])
                    case "clear":
                        self.clears += 1


def test_twilio(live: Live) -> None:
    async def ring() -> Phone:
        async with serve(lambda phone: twilio.answer(phone, live.ws), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
                phone = Phone(socket)
                await phone.send("connected", protocol="Call", version="1.0.0")
                await phone.send("start", start={"streamSid": "MZ1", "callSid": "CA1"})
                await phone.say(np.concatenate([voice(0.8), np.zeros(RATE_HZ, np.int16)]))
                await phone.listen(lambda: len(phone.heard) > 4000)
                before = phone.clears
                await phone.say(np.concatenate([voice(1.5), np.zeros(RATE_HZ, np.int16)]))
                await phone.listen(lambda: phone.clears > before and phone.marks[-1].startswith(f"{phone.clears} "))
                await phone.send("stop")
                return phone

    phone = asyncio.run(ring())
    assert phone.clears == 2, "one for each time that the caller spoke"
    assert phone.marks[0].split(" ")[1] != phone.marks[-1].split(" ")[1]

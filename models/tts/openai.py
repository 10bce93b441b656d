"""A voice behind an OpenAI-compatible speech endpoint (`POST {base_url}/audio/speech`, streamed PCM16 at 24 kHz).

Kokoro-FastAPI, vLLM-Omni, LocalAI, OpenAI and others serve it. Of a style they take the speed; the tone goes along in
words as `instructions`, which some of them follow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..base import Speech, Style
from ..errors import Failed, Overloaded, Unavailable
from ..labels import Tone
from ..store import Store
from .contours import shaped_sound
from .script import script
from .tones import compiled

RATE_HZ = 24_000
PIECE_BYTES = 9600
"""200 ms."""
SPEEDS = (0.25, 4.0)
MANNERS = {
    Tone.GENTLE: "Speak softly and gently, a little slower than usual.",
    Tone.WARM: "Speak warmly, like a close friend.",
    Tone.CALM: "Speak calmly, low and slow, with an even voice.",
    Tone.BRIGHT: "Speak brightly, with a lively, happy voice.",
    Tone.PLAYFUL: "Speak playfully, with a lively melody.",
    Tone.SERIOUS: "Speak seriously, low and steady.",
    Tone.ENCOURAGING: "Speak encouragingly, with energy and warmth.",
    Tone.APOLOGETIC: "Speak softly and apologetically.",
}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = "http://127.0.0.1:8880/v1"
    """Root of the API; `/audio/speech` is added to it."""
    model: str = "tts-1"
    """Model name that it wants."""
    voice: str = "alloy"
    """The voice that "default" stands for."""
    voices: tuple[str, ...] = ()
    """Other voices that may be asked for."""
    api_key: SecretStr | None = None
    """Sent as a bearer token."""
    instructions: bool = True
    """Whether the tone goes along as `instructions`."""
    timeout_s: float = Field(10.0, gt=0)
    """Longest wait for a piece of sound."""


class OpenAISpeech:
    rate_hz = RATE_HZ

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options
        key = options.api_key.get_secret_value() if options.api_key else ""
        self._client = httpx.AsyncClient(
            base_url=options.base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=options.timeout_s,
        )

    async def __aenter__(self) -> OpenAISpeech:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("default", self._options.voice, *self._options.voices)))

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        """Raises Failed, Overloaded or Unavailable as the endpoint answers; there are no word times."""
        if voice not in self.voices:
            raise Failed(f"there is no voice {voice!r}; choose one of {', '.join(self.voices)}")
        words = script(text)
        if not words:
            return
        numbers = compiled(style)
        body = {
            "model": self._options.model,
            "input": " ".join(word.written for word in words),
            "voice": self._options.voice if voice == "default" else voice,
            "response_format": "pcm",
            "speed": min(max(numbers.rate, SPEEDS[0]), SPEEDS[1]),
        }
        if self._options.instructions and style.tone in MANNERS:
            body["instructions"] = MANNERS[style.tone]
        try:
            async with self._client.stream("POST", "audio/speech", json=body) as response:
                await _checked(response)
                async for data in _pieces(response):
                    sound = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
                    yield Speech((shaped_sound(sound, numbers.energy_db) * 32767).astype(np.int16), RATE_HZ)
        except httpx.TimeoutException as error:
            raise Failed(
                f"the speech endpoint {self._options.base_url} sent nothing for {self._options.timeout_s} s"
            ) from error
        except httpx.HTTPError as error:
            raise Unavailable(f"the speech endpoint {self._options.base_url} cannot be reached: {error}") from error


async def _checked(response: httpx.Response) -> None:
    """Raises what an answer other than sound means."""
    if response.is_success:
        return
    said = (await response.aread()).decode(errors="replace")[:200]
    if response.status_code in (429, 503):
        raise Overloaded(f"the speech endpoint is full ({response.status_code}): {said}")
    if response.status_code in (401, 403, 404):
        raise Unavailable(f"the speech endpoint refuses ({response.status_code}); check tts.options: {said}")
    raise Failed(f"the speech endpoint failed ({response.status_code}): {said}")


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces of whole samples."""
    waiting = b""
    async for data in response.aiter_bytes():
        waiting += data
        while len(waiting) >= PIECE_BYTES:
            yield waiting[:PIECE_BYTES]
            waiting = waiting[PIECE_BYTES:]
    if even := len(waiting) // 2 * 2:
        yield waiting[:even]

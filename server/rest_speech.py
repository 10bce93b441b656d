"""`/v1/audio/speech`: a text, spoken; it streams phrase by phrase in every format."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

import soxr
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field

from ..models.base import Speech, Style, Synthesizer
from ..models.labels import Tone
from ..pipelines.duplex.phrasing import Phraser
from .auth import Guest
from .media import MEDIA_TYPES, FileFormat, encoder
from .rest import ApiError, admitted, state_of
from .wire_items import Text
from .wire_schema import Shape, Voice

router = APIRouter(prefix="/v1", tags=["audio"])
RATE_HZ = 24_000
"""Of everything that comes out; OpenAI's `pcm` has no header to say otherwise."""


def _tone(value: object) -> object:
    return value.get("tone", Tone.NEUTRAL) if isinstance(value, dict) else value


class SpeechRequest(Shape):
    model: str = Field("affetto", max_length=256)
    input: Text
    voice: Voice = "default"
    response_format: FileFormat = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio"] = "audio"
    empathy: Annotated[Tone, BeforeValidator(_tone)] = Tone.NEUTRAL
    """Ours: `{"tone": "gentle"}` and so on."""


@router.post("/audio/speech")
async def speak(request: Request, body: SpeechRequest, guest: Annotated[Guest, Depends(admitted)]) -> StreamingResponse:
    """Say a text. The first bytes leave as soon as the first phrase sounds."""
    state = state_of(request)
    text, limit = body.input.strip(), state.settings.server.text_chars
    if not text or len(text) > limit:
        raise ApiError(400, "invalid_value", f"input must have 1 to {limit} characters.", "input")
    synthesizer = state.backends.synthesizer
    voice = body.voice if body.voice in synthesizer.voices else state.settings.voice.name
    pieces = _spoken(synthesizer, text, voice, Style(tone=body.empathy, rate=body.speed))
    first = await anext(pieces, None)  # a backend that fails does so now, while there can be an error status
    if first is None:
        raise ApiError(400, "invalid_value", "There is nothing to speak in this input.", "input")
    return StreamingResponse(_file(first, pieces, body.response_format), media_type=MEDIA_TYPES[body.response_format])


async def _spoken(synthesizer: Synthesizer, text: str, voice: str, style: Style) -> AsyncGenerator[Speech]:
    phraser = Phraser()
    for phrase in [*phraser.feed(text), *phraser.end()]:
        stream = synthesizer.stream(phrase, voice=voice, style=style)
        assert isinstance(stream, AsyncGenerator)
        async with aclosing(stream):
            async for speech in stream:
                yield speech


async def _file(first: Speech, pieces: AsyncGenerator[Speech], name: FileFormat) -> AsyncGenerator[bytes]:
    """The pieces as one file of this format, as it grows. Leaving early stops the synthesis."""
    output = encoder(name, RATE_HZ)
    resampler = None if first.rate_hz == RATE_HZ else soxr.ResampleStream(first.rate_hz, RATE_HZ, 1, dtype="int16")
    async with aclosing(pieces):
        speech: Speech | None = first
        while speech is not None:
            samples = speech.samples if resampler is None else resampler.resample_chunk(speech.samples)
            if data := output.add(samples):
                yield data
            speech = await anext(pieces, None)
    if data := output.end():
        yield data

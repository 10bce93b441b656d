"""`/v1/audio/transcriptions`: the words of an audio file."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from ..models.base import HEARING_RATE_HZ, Recognition
from .auth import Guest
from .media import BadAudio, read_audio
from .rest import ApiError, admitted, state_of

router = APIRouter(prefix="/v1", tags=["audio"])
MIB = 2**20

Format = Literal["json", "text", "verbose_json"]


@router.post("/audio/transcriptions")
async def transcribe(
    request: Request,
    guest: Annotated[Guest, Depends(admitted)],
    file: Annotated[UploadFile, File()],
    model: Annotated[str, Form(max_length=256)] = "",
    language: Annotated[str | None, Form(max_length=16)] = None,
    prompt: Annotated[str, Form(max_length=1024)] = "",
    response_format: Annotated[Format, Form()] = "json",
    stream: Annotated[bool, Form()] = False,
) -> Response:
    """wav, flac, ogg, mp3, and what FFmpeg reads besides (m4a, mp4, webm)."""
    if stream:
        raise ApiError(400, "invalid_value", "Transcripts are not streamed here; use /v1/realtime.", "stream")
    state = state_of(request)
    limit = int(state.settings.server.upload_mib * MIB)
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise ApiError(413, "request_too_large", f"A file may have at most {limit / MIB:g} MiB.", "file")
    try:
        audio = await asyncio.to_thread(read_audio, data, state.settings.server.audio_s)
    except BadAudio as error:
        raise ApiError(400, "invalid_audio", str(error), "file") from None
    recognition = await state.backends.recognizer.recognize(audio, language=language, prompt=prompt)
    if response_format == "text":
        return PlainTextResponse(recognition.transcript.text + "\n")
    return JSONResponse(_record(recognition, len(audio) / HEARING_RATE_HZ, verbose=response_format == "verbose_json"))


def _record(recognition: Recognition, seconds: float, *, verbose: bool) -> dict[str, Any]:
    transcript = recognition.transcript
    usage = {"type": "duration", "seconds": seconds}
    if not verbose:
        return {"text": transcript.text, "usage": usage}
    words = [
        {"word": word.text, "start": word.start / HEARING_RATE_HZ, "end": word.end / HEARING_RATE_HZ}
        for word in transcript.words
    ]
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": transcript.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 0.0,
        "no_speech_prob": 0.0,
    }
    return {
        "task": "transcribe",
        "language": transcript.language or "unknown",
        "duration": seconds,
        "text": transcript.text,
        "segments": [segment] if transcript.text else [],
        **({"words": words} if words else {}),
        "usage": usage,
    }

"""The HTTP endpoints beside the WebSocket: chat, speech, transcription, client secrets, models."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import numpy as np
import soundfile
import soxr
from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..models.base import HEARING_RATE_HZ, PastTurn, Samples, Situation, Style
from ..models.errors import BackendError, Overloaded
from ..pipelines.duplex.text import Answer, answer_text
from .auth import Denied
from .state import ServerState
from .wire_client import cleaned

router = APIRouter(prefix="/v1")
LONGEST_AUDIO_S = 1800
SECRET_SECONDS = (10, 600, 7200)


class ApiError(Exception):
    """Answered as an OpenAI error object."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


def error_response(status: int, code: str, message: str, param: str | None = None) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "code": code, "param": param}}, status)


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        if isinstance(self.content, list):
            return cleaned(" ".join(str(part.get("text", "")) for part in self.content))
        return cleaned(self.content or "")


class ChatRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model: str = "affetto"
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    max_tokens: int | None = Field(None, ge=1, le=4096)
    max_completion_tokens: int | None = Field(None, ge=1, le=4096)
    seed: int | None = None


class SpeechRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input: str
    model: str = "affetto"
    voice: str | dict[str, Any] = "default"
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)


class SecretRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    expires_after: dict[str, Any] = {}
    session: dict[str, Any] = {}


def _state(request: Request) -> ServerState:
    state: ServerState = request.app.state.server
    state.door.admit(state.door.key_of(request.headers, []), secrets_too=False)
    return state


@router.get("/models")
async def models(request: Request) -> dict[str, Any]:
    _state(request)
    return {"object": "list", "data": [{"id": "affetto", "object": "model", "created": 0, "owned_by": "affetto"}]}


@router.post("/chat/completions")
async def chat(request: Request, body: ChatRequest) -> Response:
    """One written turn through appraisal, safety and guard; `empathy` says what it rests on."""
    state = _state(request)
    if sum(len(message.text()) for message in body.messages) > 10 * state.settings.server.text_chars:
        raise ApiError(400, "string_above_max_length", "The messages are too long.", "messages")
    answer = Answer()
    situation, instructions = _situation(body.messages)
    texts = answer_text(
        situation,
        state.backends,
        state.policy,
        answer,
        instructions="\n".join(text for text in (state.settings.voice.instructions, instructions) if text),
        max_output_tokens=body.max_completion_tokens or body.max_tokens,
        seed=body.seed or 0,
    )
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": body.model}
    if body.stream:
        usage = bool((body.stream_options or {}).get("include_usage"))
        return StreamingResponse(_chunks(head, texts, answer, usage), media_type="text/event-stream")
    text = "".join([piece async for piece in texts]).strip()
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": _finish(answer)}
    completion = {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
    return JSONResponse({**completion, "empathy": answer.empathy})


def _situation(messages: list[ChatMessage]) -> tuple[Situation, str]:
    """What was said last, what went before, and the persona that system messages ask for."""
    past: list[PastTurn] = []
    said: list[str] = []
    persona = [message.text() for message in messages if message.role in ("system", "developer")]
    for message in messages:
        text = message.text().strip()
        if message.role == "user" and text:
            said.append(text)
        elif message.role == "assistant" and text:
            past.append(PastTurn(" ".join(said), None, None, text))
            said = []
    return Situation(" ".join(said), None, tuple(past)), "\n".join(persona)


async def _chunks(
    head: dict[str, Any], texts: AsyncIterator[str], answer: Answer, include_usage: bool
) -> AsyncIterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **extra: Any) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return _sse({**head, "object": "chat.completion.chunk", "choices": choices, **extra})

    yield chunk({"role": "assistant", "content": ""})
    async for text in texts:
        yield chunk({"content": text})
    yield chunk({}, _finish(answer), empathy=answer.empathy)
    if include_usage:
        yield _sse({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)})
    yield "data: [DONE]\n\n"


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _finish(answer: Answer) -> str:
    return "length" if answer.reason == "max_output_tokens" else "stop"


def _usage(answer: Answer) -> dict[str, int]:
    used = answer.usage
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
    }


@router.post("/audio/transcriptions")
async def transcribe(
    request: Request,
    file: Annotated[UploadFile, File()],
    language: Annotated[str | None, Form()] = None,
    prompt: Annotated[str, Form()] = "",
    response_format: Annotated[str, Form()] = "json",
) -> Response:
    """Words of an audio file."""
    state = _state(request)
    if response_format not in ("json", "text", "verbose_json"):
        raise ApiError(400, "invalid_value", "response_format must be json, text or verbose_json.", "response_format")
    limit = int(state.settings.server.upload_mib * 2**20)
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise ApiError(413, "file_too_large", f"Files may have {state.settings.server.upload_mib:g} MiB.", "file")
    audio = await asyncio.to_thread(_read_audio, data)
    recognition = await state.backends.recognizer.recognize(audio, language=language, prompt=prompt)
    text = recognition.transcript.text
    if response_format == "text":
        return PlainTextResponse(text + "\n")
    record: dict[str, Any] = {"text": text}
    if response_format == "verbose_json":
        seconds = len(audio) / HEARING_RATE_HZ
        record |= {
            "task": "transcribe",
            "language": recognition.transcript.language,
            "duration": seconds,
            "segments": [],
        }
    return JSONResponse(record)


def _read_audio(data: bytes) -> Samples:
    """Decode to 16 kHz mono, a block at a time, so that a header cannot claim more memory than there is."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, blocks, seconds = file.samplerate, [], 0.0
            for block in file.blocks(blocksize=rate * 10, dtype="float32", always_2d=True):
                blocks.append(block.mean(axis=1))
                seconds += len(block) / rate
                if seconds > LONGEST_AUDIO_S:
                    raise ApiError(400, "audio_too_long", f"Audio may last {LONGEST_AUDIO_S} s.", "file")
    except (soundfile.SoundFileError, ValueError, ZeroDivisionError) as error:
        raise ApiError(400, "invalid_audio", f"The file is no audio that can be read: {error}", "file") from None
    if not blocks:
        raise ApiError(400, "invalid_audio", "The file holds no audio.", "file")
    audio = np.concatenate(blocks)
    return np.asarray(soxr.resample(audio, rate, HEARING_RATE_HZ) if rate != HEARING_RATE_HZ else audio, np.float32)


@router.post("/audio/speech")
async def speak(request: Request, body: SpeechRequest) -> Response:
    """Text, spoken. pcm and wav begin to stream at once; the others are encoded whole."""
    state = _state(request)
    text = cleaned(body.input).strip()
    if not text or len(text) > state.settings.server.text_chars:
        limit = state.settings.server.text_chars
        raise ApiError(400, "invalid_value", f"input must have 1 to {limit} characters.", "input")
    if body.response_format == "aac":
        raise ApiError(400, "invalid_value", "response_format aac is not made here; use mp3, opus, flac, wav or pcm.")
    voice = body.voice if isinstance(body.voice, str) else str(body.voice.get("id", "default"))
    synthesizer = state.backends.synthesizer
    stream = synthesizer.stream(text, voice=voice, style=Style(rate=body.speed))
    first = await anext(stream, None)
    if first is None:
        raise ApiError(400, "invalid_value", "There is nothing to speak in this input.", "input")

    async def pcm() -> AsyncIterator[bytes]:
        yield first.samples.tobytes()
        async for speech in stream:
            yield speech.samples.tobytes()

    if body.response_format == "pcm":
        return StreamingResponse(pcm(), media_type="audio/pcm")
    data = b"".join([piece async for piece in pcm()])
    return Response(_encoded(data, first.rate_hz, body.response_format), media_type=_MEDIA[body.response_format])


_MEDIA = {"mp3": "audio/mpeg", "opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}
_CONTAINERS = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
    "flac": ("FLAC", "PCM_16"),
    "wav": ("WAV", "PCM_16"),
}


def _encoded(data: bytes, rate_hz: int, name: str) -> bytes:
    container, subtype = _CONTAINERS[name]
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(data, np.int16), rate_hz, format=container, subtype=subtype)
    return file.getvalue()


@router.post("/realtime/client_secrets")
async def client_secret(request: Request, body: SecretRequest | None = None) -> dict[str, Any]:
    """A key for a browser, good for minutes."""
    state = _state(request)
    asked = body or SecretRequest()
    least, usual, most = SECRET_SECONDS
    seconds = asked.expires_after.get("seconds", usual)
    if not isinstance(seconds, int) or not least <= seconds <= most:
        raise ApiError(
            400, "invalid_value", f"expires_after.seconds must be {least} to {most}.", "expires_after.seconds"
        )
    value, until = state.door.issue_secret(seconds)
    return {
        "value": value,
        "expires_at": until,
        "session": {"type": "realtime", "object": "realtime.session", **asked.session},
    }


def failures(error: Exception) -> JSONResponse:
    """What endpoints raise, as OpenAI error objects."""
    match error:
        case ApiError():
            return error_response(error.status, error.code, error.message, error.param)
        case Denied():
            return error_response(error.status, error.code, error.message)
        case Overloaded():
            return error_response(503, "overloaded", str(error))
        case BackendError():
            return error_response(502, "backend_failed", str(error))
        case _:
            raise error

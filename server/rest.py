"""What the HTTP endpoints share: OpenAI's error objects, the key, and a limit on bodies."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..models.errors import BackendError, Overloaded, Unavailable
from .auth import Denied, Guest, key_of, scope_of
from .state import ServerState

JSON_BYTES = 2 * 2**20
BODY_DEADLINE_S = 60.0
RETRY_AFTER_S = 5
CODES = {404: "not_found", 405: "method_not_allowed", 408: "request_timeout", 413: "request_too_large"}


class ApiError(Exception):
    """Answered as an OpenAI error object."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


def error_answer(status: int, code: str, message: str, param: str | None = None) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else None
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status, headers)


def state_of(request: Request) -> ServerState:
    """What the server shares, without asking for a key."""
    state: ServerState = request.app.state.server
    return state


def admitted(request: Request) -> Guest:
    """Whoever sent this; the doorman has looked at the key."""
    guest: Guest = request.state.guest
    return guest


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from."""
    return connection.client.host if connection.client else "unknown"


def backend_error(error: BackendError) -> ApiError:
    """A backend's failure as an answer; its message is fit for a user."""
    if isinstance(error, Overloaded):
        return ApiError(503, "overloaded", str(error))
    return ApiError(503 if isinstance(error, Unavailable) else 502, "backend_failed", str(error))


def add_error_answers(app: FastAPI) -> None:
    """Every refusal has the same shape, whoever raises it."""

    async def failed(request: Request, error: Exception) -> JSONResponse:
        match error:
            case BackendError():
                return await failed(request, backend_error(error))
            case ApiError():
                return error_answer(error.status, error.code, error.message, error.param)
            case Denied():
                return error_answer(error.status, error.code, error.message)
            case RequestValidationError():
                return _invalid(error)
            case HTTPException():
                code = CODES.get(error.status_code, "invalid_request")
                return error_answer(error.status_code, code, str(error.detail))
            case _:
                raise error

    for kind in (ApiError, Denied, BackendError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, failed)


def _invalid(error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"] if part != "body")
    why = str(first["msg"]).removeprefix("Value error, ")
    return error_answer(400, "invalid_value", f"Invalid value for '{param}': {why}.", param or None)


class Doorman:
    """Asks for the key at every path below /v1 and at /metrics, before anything of a body is read. Sockets have a door
    of their own."""

    def __init__(self, app: ASGIApp, *, metrics_open: bool) -> None:
        self._app = app
        self._metrics_open = metrics_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._minds(scope):
            request = Request(scope)
            state = state_of(request)
            try:
                state.door.check_host(request.headers.get("host"))
                request.state.guest = state.door.welcome(
                    key_of(request.headers), scope_of(scope["path"]), address_of(request)
                )
            except Denied as denied:
                state.telemetry.refused_client(denied.code)
                await error_answer(denied.status, denied.code, denied.message)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _minds(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path.startswith("/v1/") or (path == "/metrics" and not self._metrics_open)


class BodyLimit:
    """Refuses bodies that are too large or too slow while they come; JSON may be far smaller than a file."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        limit = self._most_bytes + JSON_BYTES if form else JSON_BYTES
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told) > limit:
            await error_answer(413, "request_too_large", _too_large(limit))(scope, receive, send)
            return
        await self._app(scope, _Body(receive, limit).receive, send)


class _Body:
    """Counts a request's body; what comes after it is none of our business."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._whole = False
        self._deadline = asyncio.get_running_loop().time() + BODY_DEADLINE_S

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"The body took longer than {BODY_DEADLINE_S:g} s.") from None
        self._read += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._read > self._limit:
            raise HTTPException(413, _too_large(self._limit))
        return message


def _too_large(limit: int) -> str:
    return f"The body may have at most {limit / 2**20:g} MiB."

"""The page at `/` and the trace view at `/trace`: files of clients/web as they are, under a policy that lets in nothing
else. Their scripts talk to this server as any client does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "clients" / "web"
PAGES = {"/": "index.html", "/trace": "trace.html"}
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing inline; with trusted types no string can become markup, whatever it holds."""
HEADERS = {
    "content-security-policy": POLICY,
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, read when the server starts."""

    body: bytes
    media_type: str
    etag: str


def assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """The files that are served, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in MEDIA_TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return found


def router(files: dict[str, Asset]) -> APIRouter:
    """Routes to the pages, and below /web to what they load."""
    routes = APIRouter(include_in_schema=False)

    def answer(request: Request, name: str) -> Response:
        asset = files.get(name)
        if asset is None:
            raise HTTPException(404, "There is no such file.")
        headers = {**HEADERS, "etag": asset.etag}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    @routes.api_route("/", methods=["GET", "HEAD"])
    @routes.api_route("/trace", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return answer(request, PAGES[request.url.path])

    @routes.api_route("/web/{name}", methods=["GET", "HEAD"])
    async def part(request: Request, name: str) -> Response:
        return answer(request, name)

    return routes

"""Stands in for the embedded language model's process: the same way in and out, words from a list, no weights.

Reads its configuration from stdin, says its address on stdout, ends when stdin closes (models/llm/llama_server.py).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPLY = (
    "That sounds like a long day. When you look back at it now, with a little rest, "
    "what was it that made it so hard for you to keep going until the end?"
)
WORD_S = 0.03
HUNGRY_BYTES = 512 << 20
"""What a reply takes, where it is told to be hungry."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b'{"status": "ok"}', "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "hungry" in json.dumps(body["messages"]):
            _eat()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # nobody listens any more
            for index, word in enumerate(REPLY.split()):
                time.sleep(WORD_S)
                self._event({"choices": [{"delta": {"content": f"{' ' if index else ''}{word}"}}]})
            self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Quiet."""

    def _event(self, value: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(value)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _answer(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients leave when they like."""


def _eat() -> None:
    """Take more memory than there is; native code ends its process then."""
    try:
        bytearray(HUNGRY_BYTES)
    except MemoryError:
        print("E ggml_aligned_malloc: insufficient memory", file=sys.stderr, flush=True)
        os.abort()


def main() -> None:
    sys.stdin.readline()
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()

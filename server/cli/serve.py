"""Run the server.

It fetches the weights that its settings need, if they are not there yet.

examples:
  affetto serve                                 on this machine only, port 8600
  affetto serve --port 9000
  affetto serve --host 0.0.0.0 --set 'server.api_keys=["..."]'     for others; without keys anyone may come in
  affetto serve --set llm.options.model=qwen2.5-coder-0.5b         a smaller language model
  affetto serve --set llm.backend=openai --set llm.options.base_url=http://localhost:11434/v1 \\
                --set llm.options.model=llama3.2 --set duplex.prompt_form=full
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from rich.console import Console

from ...models.store import Store
from . import options, weights
from .outcome import OK

if TYPE_CHECKING:
    from ..serving import Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8600; 0 takes a free one)")
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once it takes calls")
    parser.add_argument("--json", action="store_true", help="say as JSON on standard output that it takes calls")
    parser.add_argument("--stop-at-eof", action="store_true", help="stop when standard input ends: with who started it")
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    from .. import logs, serving

    settings = options.settings_of(args, server__host=args.host, server__port=args.port)
    logs.configure(settings.observe)
    if args.stop_at_eof:
        Thread(target=_stop_at_eof, daemon=True).start()
    with serving.listen(settings.server.host, settings.server.port) as listening:
        if settings.server.event_logs is not None:
            print(f"what people say is written to {settings.server.event_logs} (server.event_logs)", file=sys.stderr)
        store = Store(settings.models_dir)
        weights.pull(store, weights.needed(settings))
        try:
            serving.run(_serve(serving.server(settings, store), listening, args))
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
    return OK


def _stop_at_eof() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    signal.raise_signal(signal.SIGTERM)


async def _serve(server: Server, listening: socket.socket, args: argparse.Namespace) -> None:
    telling = asyncio.create_task(_tell(server, listening, args))
    try:
        await server.serve(sockets=[listening])
    finally:
        telling.cancel()


async def _tell(server: Server, listening: socket.socket, args: argparse.Namespace) -> None:
    """Say that calls are taken, once they are: to a person, and to whoever started us."""
    with Console(stderr=True).status("loading the models"):
        await server.up.wait()
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if args.json:
        print(json.dumps({"url": url, "port": port}), flush=True)
    if args.port_file:  # whoever reads it says the rest
        args.port_file.write_text(str(port))
    else:
        print(f"affetto takes calls at {url} (stop with Ctrl-C)", file=sys.stderr, flush=True)

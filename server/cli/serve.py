"""Run the server.

It fetches the weights that its settings need, if they are not there yet.

examples:
  affetto serve                                 on this machine only, port 8600
  affetto serve --port 9000
  affetto serve --host 0.0.0.0 --set 'server.api_keys=["..."]'     for others; without keys anyone may come in
  affetto serve --profile cluster --set server.workers=4 --set handover.enabled=true       four processes, one port
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
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from rich.console import Console

from ...models.store import Store
from . import options, weights
from .outcome import OK

if TYPE_CHECKING:
    from ..serving import Server
    from ..settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8600; 0 takes a free one)")
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once it takes calls")
    parser.add_argument("--json", action="store_true", help="say as JSON on standard output that it takes calls")
    parser.add_argument("--stop-at-eof", action="store_true", help="stop when standard input ends: with who started it")
    parser.add_argument("--sockets", type=int, nargs="+", help=argparse.SUPPRESS)  # a worker's, by its parent
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    from .. import logs, serving

    settings = options.settings_of(args, server__host=args.host, server__port=args.port)
    logs.configure(settings.observe)
    if args.stop_at_eof:
        Thread(target=_stop_at_eof, daemon=True).start()
    if settings.server.workers > 1 and not args.sockets:
        return _share(settings, args)
    with ExitStack() as stack:
        given = [socket.socket(fileno=descriptor) for descriptor in args.sockets or ()]
        sockets = given or [serving.listen(settings.server.host, settings.server.port)]
        for listening in sockets:
            stack.enter_context(listening)
        store = _store(settings)
        try:
            serving.run(_serve(serving.server(settings, store), sockets, args))
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
    return OK


def _share(settings: Settings, args: argparse.Namespace) -> int:
    """Be the parent of several workers."""
    from .. import workers

    with ExitStack() as stack:
        sockets = workers.bind(settings, stack)
        _store(settings)
        port = sockets[0].shared.getsockname()[1]
        command = [sys.executable, "-m", "affetto.server", "serve", "--json", "--stop-at-eof", *options.again(args)]
        command += ["--host", settings.server.host, "--port", str(port)]
        ports = [each.own_port for each in sockets]
        running = workers.Workers(command, sockets, settings.server.grace_s)
        asyncio.run(running.run(lambda: _say(sockets[0].shared, args, ports)))
    return OK


def _store(settings: Settings) -> Store:
    if settings.server.event_logs is not None:
        print(f"what people say is written to {settings.server.event_logs} (server.event_logs)", file=sys.stderr)
    store = Store(settings.models_dir)
    weights.pull(store, weights.needed(settings))
    return store


def _stop_at_eof() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    signal.raise_signal(signal.SIGTERM)


async def _serve(server: Server, sockets: list[socket.socket], args: argparse.Namespace) -> None:
    telling = asyncio.create_task(_tell(server, sockets[0], args))
    try:
        await server.serve(sockets=sockets)
    finally:
        telling.cancel()


async def _tell(server: Server, listening: socket.socket, args: argparse.Namespace) -> None:
    with Console(stderr=True).status("loading the models"):
        await server.up.wait()
    _say(listening, args)


def _say(listening: socket.socket, args: argparse.Namespace, workers: Sequence[int] = ()) -> None:
    """That calls are taken, once they are: to a person, and to whoever started us, with the workers' own ports."""
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if args.json:
        print(json.dumps({"url": url, "port": port} | ({"workers": workers} if workers else {})), flush=True)
    if args.port_file:  # whoever reads it says the rest
        args.port_file.write_text("\n".join(map(str, (port, *workers))))
    elif not args.sockets:
        own = f"; its workers by themselves at {', '.join(map(str, workers))}" if workers else ""
        print(f"affetto takes calls at {url}{own} (stop with Ctrl-C)", file=sys.stderr, flush=True)

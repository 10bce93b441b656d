"""Run the server.

examples:
  affetto serve                                   on this machine only, port 8600
  affetto serve --host 0.0.0.0 --port 8000        for others (set server.api_keys first)
  affetto serve --set llm.options.model=qwen2.5-coder-0.5b     a smaller language model
  affetto serve --set llm.backend=openai --set llm.options.base_url=http://localhost:11434/v1 \\
                --set llm.options.model=llama3.2 --set duplex.prompt_form=full
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...models.store import Store
from . import options, weights
from .outcome import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8600; 0 takes a free one)")
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once ready")
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    from .. import serving

    settings = options.settings_of(args, server__host=args.host, server__port=args.port)
    listening = serving.listen(settings.server.host, settings.server.port)
    store = Store(settings.models_dir)
    weights.pull(store, weights.needed(settings))
    port = listening.getsockname()[1]
    print(f"affetto serves on http://{settings.server.host}:{port} (stop with Ctrl-C)", file=sys.stderr)
    server = serving.server(settings, store)
    if args.port_file:
        _tell_port(server, args.port_file, port)
    server.run(sockets=[listening])
    if not server.started:
        return 1
    return OK


def _tell_port(server: object, path: Path, port: int) -> None:
    """Write the port once the server accepts connections, for whoever started us."""
    startup = server.startup  # type: ignore[attr-defined]

    async def announced(sockets: object = None) -> None:
        await startup(sockets=sockets)
        if server.started:  # type: ignore[attr-defined]
            path.write_text(str(port))  # noqa: ASYNC240 - a few bytes, once

    server.startup = announced  # type: ignore[attr-defined]

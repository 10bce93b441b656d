"""Options that the client commands share."""

from __future__ import annotations

import argparse
import os

DEFAULT_URL = "ws://127.0.0.1:8600"


def add_server(parser: argparse.ArgumentParser) -> None:
    """`--url` and `--key`: which server."""
    parser.add_argument(
        "--url", default=os.environ.get("AFFETTO_URL", DEFAULT_URL), help=f"server (default {DEFAULT_URL})"
    )
    parser.add_argument("--key", default=os.environ.get("AFFETTO_KEY"), help="API key, also $AFFETTO_KEY")

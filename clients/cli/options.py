"""Options that the client commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..connection import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE


def add_server(parser: argparse.ArgumentParser) -> None:
    """`--url` and `--key`: which server."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--url",
        default=os.environ.get(URL_VARIABLE, DEFAULT_URL),
        help=f"where it is (default ${URL_VARIABLE}, else {DEFAULT_URL})",
    )
    group.add_argument("--key", default=os.environ.get(KEY_VARIABLE), help=f"API key (default ${KEY_VARIABLE})")


def add_own_server(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--profile`, `--set`, `--models-dir`: what a server that we start ourselves is told."""
    group = parser.add_argument_group("settings of the server that is started")
    group.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings (see `affetto config`)")
    group.add_argument("--profile", metavar="NAME", help="which models: embedded (default) or scripted (none)")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; repeatable")
    group.add_argument("--models-dir", type=Path, metavar="DIR", help="folder of pulled weights")


def own_server(args: argparse.Namespace) -> list[str]:
    """These options again, as `affetto serve` takes them."""
    from ...server.cli.options import again  # loads what the server's settings are made of

    return again(args)

"""Show the effective settings, or write a commented file.

Sources, strongest first: --set and other options, AFFETTO_... variables (`__` between section and name),
the file given with --config, the profile.

examples:
  affetto config                                what a server would use now, and where each comes from
  AFFETTO_SERVER__PORT=9000 affetto config
  affetto config --write affetto.toml           a file with every setting, explained
  affetto serve --config affetto.toml
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..settings import layers
from . import options, toml
from .outcome import OK


class BadInput(Exception):
    """The file is not one to write over."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write a commented TOML file")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    sources = sources_of(args)
    if args.write:
        _write(args.write, toml.commented(settings, sources), force=args.force)
        print(f"wrote {args.write}; use it with: affetto serve --config {args.write}")
    elif args.json:
        print(json.dumps({"settings": settings.model_dump(mode="json"), "sources": sources}))
    else:
        print(toml.effective(settings, sources), end="")
    return OK


def sources_of(args: argparse.Namespace) -> dict[str, str]:
    """Which source each setting comes from, by dotted path; what is not in it has its default."""
    found: dict[str, str] = {}
    for name, layer in layers(args.config, options.given(args)):
        found |= dict.fromkeys(_paths(layer), name)
    return found


def _paths(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted paths of what is set; options of backends one by one."""
    found: list[str] = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        found += _paths(value, f"{path}.") if isinstance(value, dict) and path.count(".") < 2 else [path]
    return found


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force:
        raise BadInput(f"{path} is there already; write over it with --force")
    try:
        path.write_text(text)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from None

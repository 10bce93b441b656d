"""Options that several commands share."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..settings import PROFILES, BadSettings, Settings, load


def add_settings(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--profile`, `--set`, `--models-dir`: where settings come from."""
    group = parser.add_argument_group("settings")
    group.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings (see `affetto config`)")
    group.add_argument(
        "--profile",
        choices=list(PROFILES),
        metavar="NAME",
        help=f"which models: {', '.join(PROFILES)} (default: embedded)",
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, e.g. --set tts.options.threads=1"
    )
    group.add_argument("--models-dir", type=Path, metavar="DIR", help="folder of pulled weights")


def settings_of(args: argparse.Namespace, **overrides: Any) -> Settings:
    """Settings from the file, the environment and these options; in `overrides`, `__` stands between section and
    name. Raises BadSettings."""
    more = {key.replace("__", "."): value for key, value in overrides.items() if value is not None}
    return load(args.config, given(args) | more)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """What these options set, by dotted path. Raises BadSettings."""
    found = dict(map(_pair, args.set))
    if args.profile:
        found["profile"] = args.profile
    if args.models_dir:
        found["models_dir"] = str(args.models_dir)
    return found


def again(args: argparse.Namespace) -> list[str]:
    """These options again, for another process of ours."""
    named = [("--config", args.config), ("--profile", args.profile), ("--models-dir", args.models_dir)]
    named += [("--set", pair) for pair in args.set]
    return [part for name, value in named if value is not None for part in (name, str(value))]


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadSettings(f"--set {text!r}: write KEY=VALUE, e.g. --set server.port=9000")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value

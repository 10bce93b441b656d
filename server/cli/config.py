"""Show the effective settings, or write a commented file.

examples:
  affetto config                       what a server would use now
  affetto config --write affetto.toml  a file with every setting, explained
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..settings import Settings
from . import options
from .outcome import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write a commented TOML file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    if args.write:
        args.write.write_text(toml(settings))
        print(f"wrote {args.write}")
    elif args.json:
        print(json.dumps(settings.model_dump(mode="json")))
    else:
        print(toml(settings), end="")
    return OK


def toml(settings: Settings) -> str:
    """Settings as TOML, each with its docstring above it. Keys are never written."""
    lines, tables = _table(settings, Settings), []
    for name in Settings.model_fields:
        section = getattr(settings, name)
        if isinstance(section, BaseModel):
            tables += ["", f"[{name}]", *_table(section, type(section))]
    return "\n".join([*lines, *tables]) + "\n"


def _table(model: BaseModel, kind: type[BaseModel]) -> list[str]:
    lines: list[str] = []
    told = docstrings(kind)
    for name in kind.model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            continue
        lines += [f"# {told[name]}"] if name in told else []
        hidden = name == "api_keys"
        lines.append(f"# {name} =" if value is None else f"{name} = {_value([] if hidden else value)}")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    return json.dumps(str(value) if isinstance(value, Path) else value)


def docstrings(kind: type[BaseModel]) -> dict[str, str]:
    """The string under each field of a class, by field."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found[field.target.id] = " ".join(str(text.value.value).split())  # type: ignore[attr-defined]
    return found

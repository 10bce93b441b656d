"""Settings as TOML text: those in effect with their sources, or a file to edit, with everything explained."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from ...models import registry
from ...models.errors import Unavailable
from ..settings import SECTIONS, Settings

Sources = Mapping[str, str]
"""Where each setting comes from, by dotted path; what is not in it has its default."""

HEAD = """\
# Settings of an Affetto server: affetto serve --config THIS_FILE
# A line that begins with "#" shows the default; take the "#" away to change it. Every setting can also be given
# as an environment variable (AFFETTO_SERVER__PORT=9000) or on the command line (--set server.port=9000).

"""


def effective(settings: Settings, sources: Sources) -> str:
    """All settings in effect, each with the source that it comes from."""
    lines: list[str] = []
    for table, model in tables(settings):
        lines += ["", f"[{table}]"] if table else []
        for name, value in values(model):
            source = sources.get(f"{table}.{name}" if table else name)
            lines.append(_line(name, value, source))
    return "\n".join(lines) + "\n"


def commented(settings: Settings, sources: Sources) -> str:
    """A file to edit. Keys are never written into it."""
    lines: list[str] = []
    for table, model in tables(settings):
        lines += ["", f"[{table}]"] if table else []
        told = docstrings(type(model))
        for name, value in values(model):
            path = f"{table}.{name}" if table else name
            lines += [f"# {line}" for line in textwrap.wrap(told.get(name, "") + _choices(table, name), 110)]
            lines.append(_setting(name, value, chosen=not sources.get(path, "profile").startswith("profile")))
    return HEAD + "\n".join(lines) + "\n"


def tables(settings: Settings) -> Iterator[tuple[str, BaseModel]]:
    """The top level, each section, and each chosen backend's options, with the names of their TOML tables."""
    yield "", settings
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        if isinstance(section, BaseModel):
            yield name, section
        if name in SECTIONS:
            try:
                kind = registry.options_of(name, section.backend)
            except Unavailable:  # its extra is not installed: there is nothing to explain it from
                continue
            if kind.model_fields:
                yield f"{name}.options", kind.model_construct(**section.options)


def values(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """A table's own settings, without the tables inside it."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if not isinstance(value, BaseModel) and not (name == "options" and isinstance(value, dict)):
            yield name, value


def literal(value: Any) -> str:
    """A value as TOML."""
    match value:
        case dict():
            return (
                "{ " + ", ".join(f"{key} = {literal(inner)}" for key, inner in value.items()) + " }" if value else "{}"
            )
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(literal(part) for part in value) + "]"
        case bool() | int() | float():
            return json.dumps(value)
        case SecretStr():
            return '"(hidden)"'
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def docstrings(kind: type[BaseModel]) -> dict[str, str]:
    """The string under each field of a class, by field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(told))):
                found[name] = " ".join(told.split())
    return found


def _line(name: str, value: Any, source: str | None) -> str:
    if value is None:
        return f"# {name} is not set"
    return f"{name} = {literal(value)}" + (f"  # {source}" if source else "")


def _setting(name: str, value: Any, *, chosen: bool) -> str:
    """A line of a file to edit: what was chosen, or what holds otherwise, behind a "#"."""
    if isinstance(value, list) and any(isinstance(part, SecretStr) for part in value):
        return f"# {name} = []"
    if value is None:
        return f"# {name} ="
    return ("" if chosen else "# ") + f"{name} = {literal(value)}"


def _choices(table: str, name: str) -> str:
    return f" There are: {', '.join(registry.BACKENDS[table])}." if name == "backend" else ""

"""Look after what is remembered. A running server does all of it by itself, hourly; here it is done at once.

  status    how much is kept, of how old, under which keys; nobody's words
  migrate   bring the tables to this version (so does the first use)
  rekey     seal everything under the first of memory.keys; then the others can go
  purge     forget what is older than memory.keep_days
  forget    forget a person: all that is kept of them, their consent, and event logs that name them

examples:
  affetto memory status --config affetto.toml
  AFFETTO_MEMORY__KEYS='["NEW","OLD"]' affetto memory rekey
  affetto memory forget ana --owner shop
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ...pipelines.memory.store import MemoryStore
from ..settings import BadSettings, Settings
from . import options
from .outcome import OK

DAY_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS))
    for name in ACTIONS:
        action = actions.add_parser(name)
        if name == "forget":
            action.add_argument("user", help="your id for the person, as in session.empathy.user")
            action.add_argument("--owner", default="", help="owner of the key (`affetto keys list`; none without keys)")
        action.add_argument("--json", action="store_true", help="print JSON")
        options.add_settings(action)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    done = asyncio.run(_run(settings, args))
    print(json.dumps(done) if args.json else "\n".join(f"{name}: {_told(value)}" for name, value in done.items()))
    return OK


async def _run(settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    from .. import assembly

    store = assembly.memory_store(settings.memory)
    try:
        return await ACTIONS[args.action](store, settings, args)
    finally:
        await store.close()


async def _status(store: MemoryStore, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    return await store.status()


async def _migrate(store: MemoryStore, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    return {"version": (await store.status())["version"]}


async def _rekey(store: MemoryStore, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    if not settings.memory.keys:
        raise BadSettings("memory.keys is empty: there is nothing to seal with")
    return {"sealed anew": await store.reseal(), "keys": (await store.status())["keys"]}


async def _purge(store: MemoryStore, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    days = settings.memory.keep_days
    if days is None:
        raise BadSettings("memory.keep_days is not set: everything is kept until somebody asks to forget")
    return {"rows forgotten": await store.purge(time.time() - days * DAY_S)}


async def _forget(store: MemoryStore, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    from .. import event_logs

    folder = settings.server.event_logs
    logs = event_logs.forget(folder, args.owner, args.user) if folder is not None else 0
    return {"facts forgotten": await store.forget_all(args.owner, args.user), "event logs deleted": logs}


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "none"
    return "none" if value is None else str(value)


Action = Callable[[MemoryStore, Settings, argparse.Namespace], Awaitable[dict[str, Any]]]
ACTIONS: dict[str, Action] = {
    "status": _status,
    "migrate": _migrate,
    "rekey": _rekey,
    "purge": _purge,
    "forget": _forget,
}

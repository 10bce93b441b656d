"""Make, list and revoke API keys; a running server follows within seconds, and ends sessions of a key that is gone.

Keys lie in the file that server.keys_file names, as hashes: a key is shown once, when it is made. Keys of one owner
share what is remembered and traced, so to rotate a key make another of the same owner, hand it out, revoke the old one.

scopes: talk (conversations), text (the other endpoints), memory, trace (read traces of sessions), metrics

examples:
  affetto keys new shop --file keys.json                            all scopes
  affetto keys new shop --file keys.json --scopes talk,text --days 90
  affetto keys list --file keys.json
  affetto keys revoke 3f9ac01b --file keys.json
  affetto serve --set server.keys_file=keys.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import get_args

from .. import keys
from . import options
from .outcome import FAILED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|list|revoke")
    make = actions.add_parser("new", help="make a key and print it, once")
    make.add_argument("owner", help="whose it is; keys of one owner share memory and traces")
    make.add_argument("--scopes", default=",".join(get_args(keys.Scope)), help="what it opens (default: everything)")
    make.add_argument("--days", type=float, help="how long it is good (default: until it is revoked)")
    shown = actions.add_parser("list", help="what keys there are; never the keys themselves")
    revoke = actions.add_parser("revoke", help="take a key away")
    revoke.add_argument("id", help="its id, as `list` shows it")
    for action in (make, shown, revoke):
        action.add_argument("--file", type=Path, help="the file of keys (default: server.keys_file)")
        action.add_argument("--json", action="store_true", help="print JSON")
        options.add_settings(action)


def run(args: argparse.Namespace) -> int:
    path = args.file or options.settings_of(args).server.keys_file
    if path is None:
        raise keys.BadKeys("which file? give --file FILE, or set server.keys_file")
    return {"new": _new, "list": _list, "revoke": _revoke}[args.action](args, path)


def _new(args: argparse.Namespace, path: Path) -> int:
    asked = [name.strip() for name in args.scopes.split(",") if name.strip()]
    value, record = keys.new(args.owner, asked, args.days)
    with keys.edited(path) as records:
        records.append(record)
    if args.json:
        print(json.dumps({"key": value, **_shown(record)}))
    else:
        print(value)
        print(f"key {record.id} of {record.owner}; it is shown this once and kept nowhere", file=sys.stderr)
    return OK


def _list(args: argparse.Namespace, path: Path) -> int:
    records = keys.read(path)
    if args.json:
        print(json.dumps([_shown(record) for record in records]))
        return OK
    for record in records:
        ends = "" if record.expires_at is None else f"  until {_day(record.expires_at)}"
        print(f"{record.id}  {record.owner}  {','.join(sorted(record.scopes))}  since {_day(record.created_at)}{ends}")
    return OK


def _revoke(args: argparse.Namespace, path: Path) -> int:
    with keys.edited(path) as records:
        kept = [record for record in records if record.id != args.id]
        gone = len(records) - len(kept)
        records[:] = kept
    if args.json:
        print(json.dumps({"id": args.id, "revoked": bool(gone)}))
    else:
        print(f"key {args.id} is revoked" if gone else f"there is no key {args.id}; see affetto keys list")
    return OK if gone else FAILED


def _shown(record: keys.KeyRecord) -> dict[str, object]:
    return record.model_dump(mode="json", exclude={"sha256"}) | {"scopes": sorted(record.scopes)}


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))

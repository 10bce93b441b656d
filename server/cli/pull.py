"""Fetch the models' weights.

examples:
  affetto pull                      what the default server needs
  affetto pull small                a profile: embedded, small, tiny, all
  affetto pull kokoro whisper-base  single assets
  affetto pull --list               all there are, with licence and size
  affetto pull --verify             read what is there and check its hashes
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from ...models.store import Store
from .outcome import FAILED, OK
from .weights import pull


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", default=["embedded"], help="profiles or assets (default: embedded)")
    parser.add_argument("--models-dir", type=Path, metavar="DIR", help="folder of pulled weights")
    parser.add_argument("--list", action="store_true", help="list what there is and fetch nothing")
    parser.add_argument("--verify", action="store_true", help="check the hashes of what is there")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    store = Store(args.models_dir)
    if args.list:
        return _list(store, args.json)
    if args.verify:
        return _verify(store, args.names, args.json)
    fetched = pull(store, args.names)
    record = {"folder": str(store.root), "fetched": fetched, "present": store.manifest.resolve(args.names)}
    told = f"fetched {', '.join(fetched)}" if fetched else "everything is there already"
    print(json.dumps(record) if args.json else f"{told} ({store.root})")
    return OK


def _list(store: Store, as_json: bool) -> int:
    rows = [
        {
            "name": name,
            "title": asset.title,
            "licence": asset.licence,
            "mib": round(asset.size / 2**20, 1),
            "pulled": not store.missing([name]),
        }
        for name, asset in store.manifest.assets.items()
    ]
    if as_json:
        print(json.dumps(rows))
        return OK
    for row in rows:
        there = "pulled" if row["pulled"] else "-"
        print(f"{row['name']:<20} {row['mib']:>7} MiB  {row['licence']:<13} {there:<7}{row['title']}")
    for name, assets in store.manifest.profiles.items():
        print(f"profile {name}: {', '.join(assets) or 'nothing'}")
    print(f"folder: {store.root}")
    return OK


def _verify(store: Store, names: list[str], as_json: bool) -> int:
    with Console(stderr=True).status("reading the weights"):
        found = store.verify(names)
    if as_json:
        print(json.dumps(found))
    else:
        for name, fine in found.items():
            print(f"{name:<20} {'ok' if fine else 'missing or changed: run affetto pull ' + name}")
    return OK if all(found.values()) else FAILED

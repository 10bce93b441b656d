"""Measure a part of the system on data.

examples:
  affetto eval asr --manifest test.csv --root recordings --json      columns: path,text
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
from pathlib import Path
from typing import Any

from ...models.store import Store
from . import options, weights
from .outcome import OK


class BadInput(Exception):
    """The data cannot be used; the message says what is wanted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("part", choices=["asr"], help="what to measure")
    parser.add_argument("--manifest", type=Path, required=True, metavar="CSV", help="the data, one row a recording")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder its paths start from (default: the CSV's)")
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="only rows like this")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    rows = _rows(args.manifest, args.where)
    from ...models import registry
    from ...pipelines.evaluation import asr

    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith("whisper")])
    recognizer = registry.create("asr", settings.asr.backend, settings.asr.options, store)
    report = asyncio.run(asr.evaluate(recognizer, rows, args.root or args.manifest.parent))
    print(json.dumps(report, ensure_ascii=False) if args.json else _told(report))
    return OK


def _rows(manifest: Path, conditions: list[str]) -> list[dict[str, str]]:
    """Rows of the manifest that have what is needed. Raises BadInput."""
    try:
        with manifest.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {manifest}: {error}") from None
    if not rows or not {"path", "text"} <= set(rows[0]):
        raise BadInput(f"{manifest} needs the columns path and text, and at least one row")
    wanted = [condition.partition("=") for condition in conditions]
    kept = [row for row in rows if row["text"] and all(row.get(key) == value for key, _, value in wanted)]
    if not kept:
        raise BadInput(f"no row of {manifest} has a text and fits {', '.join(conditions)}")
    return kept


def _told(report: dict[str, Any]) -> str:
    worst = "\n".join(f"  {row['wer']:.0%}  {row['path']}: {row['heard']}" for row in report["worst"])
    head = f"word error rate {report['wer']:.2%} on {report['n']} recordings ({report['words']} words)"
    return f"{head}, real-time factor {report['rtf']}\nworst:\n{worst}"

"""Tell how many machines so many sessions need, what they cost, and what gives way first.

Stages' waiting lines are simulated; service times are those measured on a machine of two cores without a GPU, or yours.
What is assumed is said in pipelines/evaluation/capacity.py, and may be set.

examples:
  affetto plan                                            100 to a million sessions
  affetto plan 5000 --json
  affetto doctor --json > here.json; affetto plan --measured here.json
  affetto plan --assume reply_s=8 --assume machine=0.9 --assume tokens_per_s=9000
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ...pipelines.evaluation import capacity
from .evaluate import BadInput
from .outcome import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sessions", nargs="*", type=int, help="sessions at the same time")
    parser.add_argument("--measured", type=Path, metavar="JSON", help="service times, from `affetto doctor --json`")
    parser.add_argument("--threads", type=int, default=2, help="cores that a call took there (default 2)")
    parser.add_argument("--assume", action="append", default=[], metavar="NAME=NUMBER", help="another assumption")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    figures = capacity.Figures()
    if args.measured is not None:
        figures = capacity.measured(_speed(args.measured), figures, threads=args.threads)
    talk, figures, prices = _assumed(args.assume, capacity.Talk(), figures, capacity.Prices())
    counts = args.sessions or capacity.SERIES
    if min(counts) < 1:
        raise BadInput("say a number of sessions, 1 or more")
    rows = [capacity.plan(count, talk, figures, prices) for count in counts]
    limits = capacity.limits(talk, figures)
    if args.json:
        print(json.dumps({"plan": rows, "limits": limits}))
    else:
        _show(rows, limits)
    return OK


def _speed(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text())["speed"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{path} is no output of `affetto doctor --json`") from None


def _assumed(given: list[str], *groups: Any) -> tuple[capacity.Talk, capacity.Figures, capacity.Prices]:
    try:
        pairs = {name: float(value) for name, _, value in (each.partition("=") for each in given)}
        return capacity.changed(pairs, *groups)
    except ValueError:
        raise BadInput("--assume takes NAME=NUMBER, e.g. --assume reply_s=8") from None
    except KeyError as error:
        known = ", ".join(name for group in groups for name in capacity.names(group))
        raise BadInput(f"there is no assumption {error.args[0]!r}; there are {known}") from None


def _show(rows: list[dict[str, Any]], limits: dict[str, int]) -> None:
    console = Console(highlight=False)
    table = Table("sessions", *(f"{row['sessions']:,}" for row in rows))
    for name in capacity.ON_MACHINES:
        table.add_row(f"{name}, cores", *(f"{row['cores'][name]:,.0f}" for row in rows))
    for name in ("machines", "gpus", "gbit_per_s", "rows_per_s", "cost_per_h", "cost_per_session_h"):
        table.add_row(name.replace("_per_", " / ").replace("_", " "), *(f"{row[name]:,}" for row in rows))
    console.print(table)
    console.print("sessions at which there must be a second one:")
    for name, count in limits.items():
        console.print(f"  {name}: {count:,}")

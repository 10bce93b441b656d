"""Measure the timing of conversations, as a client has it.

It starts a server of its own, calls it over the WebSocket, speaks recordings in real time, and reads what came out
of the loudspeaker, and when. Nothing else should run on the machine meanwhile.

examples:
  affetto bench                                 about ten minutes; the default models
  affetto bench --naive --json                  ours and the common way in turn: JSON has v2v_ms.p50, naive.v2v_ms.p50
  affetto bench --only asks --rounds 3          only the time to answer
  affetto bench --sessions 4                    four conversations at once
  affetto bench --ramp 1,2,4,8                  more and more at once
  affetto bench --audio my-recordings           with other recordings
  affetto bench --url wss://example.org         a server that runs already
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..bench import calls, material
from ..bench import run as measuring
from ..server_process import running_server
from . import options

NAIVE_SETTINGS = (
    "duplex.speculate=false",
    "duplex.openers=false",
    "duplex.partials=false",
    "duplex.whole_reply=true",
    "asr.options.shortest_s=30",
)
"""The common way: recognition padded to 30 s after a fixed silence, no speculation, whole-sentence synthesis."""
GOALS = {
    "v2v_ms": "time to answer, end of speech to first sound (ms)",
    "barge_in_stop_ms": "time to fall silent when spoken over (ms)",
}
RATES = {
    "unanswered": "questions left unanswered",
    "false_cut": "pauses inside a sentence taken for its end",
    "missed_barge_in": "interruptions not noticed",
    "false_barge_in": "answers stopped by a murmur or a cough",
    "noise_answer": "noises answered",
}
COSTS = {
    "speculation_hit_rate": "answers begun early that were used",
    "cpu_s_per_min": "CPU seconds per minute of talk",
    "peak_rss_mib": "peak memory of the server (MiB)",
    "refused": "calls that a busy server did not let in",
    "client_late_ms": "how late this client itself was at worst (ms)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", default=",".join(calls.KINDS), metavar="KINDS", help="of asks,pauses,interruptions,murmurs,noises"
    )
    parser.add_argument("--rounds", type=_count, default=1, help="how often each recording is used (default 1)")
    parser.add_argument("--sessions", type=_count, default=1, help="conversations at the same time (default 1)")
    parser.add_argument("--ramp", type=_counts, metavar="N,N,...", help="questions only, with so many sessions each")
    parser.add_argument("--naive", action="store_true", help="the same models the common way, in turn")
    parser.add_argument("--plain", action="store_true", help="also a client that knows none of our events")
    parser.add_argument("--audio", type=Path, metavar="DIR", help="recordings to speak (default: those that ship)")
    parser.add_argument("--url", help="measure a server that runs already")
    parser.add_argument("--key", help="its API key")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_own_server(parser)


def run(args: argparse.Namespace) -> int:
    if args.naive and args.url:
        raise BadInput("--naive needs a server of its own: leave --url out")
    acts = calls.plan(material.load(args.audio), _kinds(args.only), rounds=args.rounds)
    with _targets(args) as targets, _progress() as progress:
        if args.ramp:
            figures: dict[str, Any] = {
                "ramp": asyncio.run(measuring.ramp(targets[0], acts, args.ramp, progress=progress))
            }
        else:
            naive = targets[1] if args.naive else None
            taken = measuring.ways(targets[0], plain=args.plain, naive=naive)
            figures = asyncio.run(measuring.measure(taken, acts, sessions=args.sessions, progress=progress))
    if args.json:
        print(json.dumps({"profile": args.profile or "embedded", "sessions": args.sessions, **figures}))
    else:
        _show(figures)
    return 0


class BadInput(Exception):
    """These options do not go together; the message says which."""


def _kinds(text: str) -> Sequence[str]:
    kinds = [kind.strip() for kind in text.split(",") if kind.strip()]
    unknown = [kind for kind in kinds if kind not in calls.KINDS]
    if unknown or not kinds:
        raise BadInput(f"--only {text!r}: choose from {', '.join(calls.KINDS)}")
    return kinds


@contextmanager
def _targets(args: argparse.Namespace) -> Iterator[list[measuring.Target]]:
    """The servers to measure: the one that was named, or our own, and the common way's."""
    if args.url:
        yield [measuring.Target(args.url, api_key=args.key)]
        return
    own = options.own_server(args)
    with running_server(own) as ours:
        found = [measuring.Target(ours.url, ours.pid)]
        if not args.naive:
            yield found
            return
        kept = [name for name in NAIVE_SETTINGS if args.profile != "scripted" or not name.startswith("asr.")]
        with running_server([*own, *(part for name in kept for part in ("--set", name))]) as naive:
            yield [*found, measuring.Target(naive.url, naive.pid)]


@contextmanager
def _progress() -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=total)

        yield show


def _show(figures: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if "ramp" in figures:
        console.print(_ramp_table(figures["ramp"]))
        return
    others = [name for name in ("plain", "naive") if name in figures]
    table = Table("", "ours", *others)
    for name, text in GOALS.items():
        for p in ("p50", "p90", "p95"):
            table.add_row(f"{text}, {p}" if p == "p50" else f"  {p}", *_cells(figures, others, name, p))
        table.add_section()
    for name, text in RATES.items():
        table.add_row(text, *_cells(figures, others, f"{name}_rate", of=f"{name}_of"))
    table.add_section()
    for name, text in COSTS.items():
        table.add_row(text, *_cells(figures, others, name))
    console.print(table)
    console.print(_stages(figures))
    if "v2v_ratio" in figures:
        console.print(f"time to answer, ours : common way = {figures['v2v_ratio']}")


def _cells(figures: dict[str, Any], others: Sequence[str], name: str, p: str | None = None, of: str = "") -> list[str]:
    found = []
    for held in (figures, *(figures[other] for other in others)):
        value = held[name][p] if p else held[name]
        found.append("-" if value is None else f"{value:.0%} of {held[of]}" if of else f"{value:g}")
    return found


def _stages(figures: dict[str, Any]) -> Table:
    table = Table("stage (ms after the end of speech, as the server hears it)", "p50", "p95", title_justify="left")
    for name, spread in figures["stages_ms"].items():
        table.add_row(name, str(spread["p50"]), str(spread["p95"]))
    return table


def _ramp_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("sessions", "refused", "answer p50 (ms)", "p95", "unanswered", "CPU s/min", "MiB", "client late (ms)")
    for row in rows:
        spread = row["v2v_ms"]
        values = (row["sessions"], row["refused"], spread["p50"], spread["p95"], row["unanswered_rate"])
        rest = (row["cpu_s_per_min"], row["peak_rss_mib"], row["client_late_ms"])
        table.add_row(*("-" if value is None else str(value) for value in (*values, *rest)))
    return table


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _counts(text: str) -> list[int]:
    return [_count(part.strip()) for part in text.split(",")]

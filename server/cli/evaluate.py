"""Measure a part of the system on data.

examples:
  affetto eval asr --manifest test.csv --root recordings --json      columns: path,text
  affetto eval batches                                               recognition of several sessions together
  affetto eval turns --events events.csv --root recordings --json    columns: file,event,speaker,start,end,other
  affetto eval turns --manifest test.csv --root recordings --json    columns: path,text; pauses are put in
  affetto eval speech --limit 6 --out samples                        the voice itself
  affetto eval echo --json                                           our own voice against people's, over ours
  affetto eval openers --coe corpus --json                           turns of the stories held out from training
  affetto eval cues --manifest index.csv --root recordings --json    columns: path[,emotion,votes,ds,speaker,gender,...]
  affetto eval cues --manifest index.csv --weights research --where ds=ravdess --plots plots
  affetto eval empathy --json                                        the held-out dialogues, answered by us
  affetto eval empathy --no-replies --json                           appraisals alone
  affetto eval empathy --no-replies --unheard --json                 the same from the words, without a voice
  affetto eval empathy --corpus talks.jsonl --out replies.jsonl --judge http://127.0.0.1:8080/v1 judge
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from ...models.errors import Unavailable
from ...models.store import Store
from . import evaluate_empathy, options, weights
from .outcome import OK

OUT = "folder for WAV files and a picture of each tone (speech); file for every turn and reply (empathy)"
WAITING = Console(stderr=True)
"""Shows how far something is, to a person at a terminal only."""
TURN_WEIGHTS = ("silero", "smart", "whisper")


class BadInput(Exception):
    """The data cannot be used; the message says what is wanted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = ["asr", "batches", "turns", "speech", "echo", "openers", "cues", "empathy"]
    parser.add_argument("part", choices=parts, help="what to measure")
    parser.add_argument("--manifest", type=Path, metavar="CSV", help="the data, one row a recording")
    parser.add_argument("--events", type=Path, metavar="CSV", help="time-stamped events of recorded talk (turns)")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder its paths start from (default: the CSV's); of rooms (echo)"
    )
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="only rows like this")
    parser.add_argument("--limit", type=int, metavar="N", help="speak only N of the 60 sentences (speech, echo)")
    parser.add_argument("--out", type=Path, metavar="PATH", help=OUT)
    parser.add_argument("--quick", action="store_true", help="leave out the sweeps of single controls (speech)")
    parser.add_argument("--playback", type=float, metavar="MIN", help="only count gaps in so many minutes (speech)")
    parser.add_argument("--real-time", action="store_true", help="play them by the clock (with --playback)")
    parser.add_argument("--coe", type=Path, metavar="DIR", help="folder of the corpus, *.jsonl (openers)")
    parser.add_argument("--unheard", action="store_true", help="leave the voice out (openers, empathy)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--weights", metavar="SET", help="cues: open, research or a file (default: the settings')")
    parser.add_argument("--plots", type=Path, metavar="DIR", help='cues: folder for PNGs (needs the extra "train")')
    evaluate_empathy.add_arguments(parser)
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    parts = {"asr": _asr, "batches": _batches, "turns": _turns, "speech": _speech, "openers": _openers, "cues": _cues}
    return {**parts, "empathy": evaluate_empathy.run, "echo": _echo}[args.part](args)


def _speech(args: argparse.Namespace) -> int:
    if args.real_time and not args.playback:
        raise BadInput("--real-time plays what --playback MIN speaks: say for how many minutes")
    from . import evaluate_speech

    settings = options.settings_of(args)
    with WAITING.status("speaking, and listening to it"):
        found = evaluate_speech.report(settings, args)
    print(json.dumps(found, ensure_ascii=False) if args.json else evaluate_speech.told(found))
    return OK


def _echo(args: argparse.Namespace) -> int:
    from soundfile import SoundFileError

    from . import evaluate_echo

    with WAITING.status("speaking, and being spoken over"):
        try:
            found = evaluate_echo.report(options.settings_of(args), sentences=args.limit, rooms=args.root)
        except (OSError, SoundFileError) as error:
            raise BadInput(f"cannot read the rooms: {error}") from None
    print(json.dumps(found) if args.json else evaluate_echo.told(found))
    return OK


def _openers(args: argparse.Namespace) -> int:
    if args.coe is None:
        raise BadInput("say what to measure on: --coe DIR, the corpus's folder")
    settings = options.settings_of(args)
    from ...models import registry
    from ...pipelines.evaluation import openers
    from ...pipelines.training import corpus, split

    store = Store(settings.models_dir)
    weights.pull(store, ["minilm"])
    appraiser = registry.create("appraiser", settings.appraiser.backend, settings.appraiser.options, store)
    examples = [example for example in corpus.read(args.coe) if split.is_held_out(example.dialogue)]
    with WAITING.status(f"choosing openers of {len(examples)} turns"):
        report = asyncio.run(openers.evaluate(appraiser, examples, unheard=args.unheard))
    print(json.dumps(report, ensure_ascii=False, indent=None if args.json else 2))
    return OK


def _asr(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    rows, root = _manifest(args)
    from ...models import registry
    from ...pipelines.evaluation import asr

    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith("whisper")])
    recognizer = registry.create("asr", settings.asr.backend, settings.asr.options, store)
    report = asyncio.run(asr.evaluate(recognizer, _shown(rows), root))
    print(json.dumps(report, ensure_ascii=False) if args.json else _told(report))
    return OK


def _batches(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    from ...models import registry
    from ...pipelines.evaluation import asr, batches
    from .doctor import RECORDING

    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith("whisper")])
    given = settings.asr.options
    made = {
        size: registry.create("asr", settings.asr.backend, {**given, "batch": size}, store) for size in batches.SIZES
    }
    report = asyncio.run(batches.curve(made, asr.read(RECORDING)))
    print(json.dumps(report) if args.json else batches.told(report))
    return OK


def _turns(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    if args.events is not None:
        rows, root = _table(args.events, {"file", "event", "speaker", "start", "end", "other"}), args.root
        root = root or args.events.parent
    else:
        rows, root = _manifest(args)
    from ...models import registry
    from ...pipelines.evaluation import turns, turns_cases

    store = Store(settings.models_dir)
    weights.pull(store, [name for name in weights.needed(settings) if name.startswith(TURN_WEIGHTS)])
    made = {kind: getattr(settings, kind) for kind in ("vad", "turn", "asr")}
    vad, turn, asr = (registry.create(kind, made[kind].backend, made[kind].options, store) for kind in made)
    make = turns_cases.from_events if args.events is not None else turns_cases.with_pauses
    try:
        report = asyncio.run(turns.evaluate(turns.Ears(vad, turn, asr), make(_shown(rows), root)))
    except turns_cases.BadData as error:
        raise BadInput(str(error)) from None
    print(json.dumps(report, ensure_ascii=False) if args.json else turns.told(report))
    return OK


def _cues(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    rows, root = _manifest(args, "path")
    if args.plots is not None and find_spec("matplotlib") is None:
        raise Unavailable("--plots needs matplotlib: pip install 'affetto[train]'")
    from ...models import registry
    from ...models.cues import voice
    from ...pipelines.evaluation import cues, cues_told, plots

    store = Store(settings.models_dir)
    weights.pull(store, ["whisper-base"])
    trained = voice.trained(args.weights or settings.cues.options.get("weights", "open"))
    encoder = registry.create("asr", "faster_whisper", {}, store)
    with WAITING.status(f"reading the voice of {len(rows)} recordings"):
        report = cues.evaluate(trained, encoder, rows, root, bar=voice.Options(**settings.cues.options).needed)
    if args.plots is not None:
        plots.draw(args.plots, report.truth, report.probabilities, cues_told.NAMES, report.figures)
    print(json.dumps(report.figures, ensure_ascii=False, indent=None if args.json else 1))
    return OK


def _shown(rows: list[dict[str, str]]) -> Iterable[dict[str, str]]:
    """The rows, with a bar on a terminal that tells how far they are."""
    return track(rows, "recordings", console=WAITING, transient=True)


def _manifest(args: argparse.Namespace, labelled: str = "text") -> tuple[list[dict[str, str]], Path]:
    """Rows with what labels them, and the folder that their paths start from. Raises BadInput."""
    if args.manifest is None:
        raise BadInput("say what to measure on: --manifest CSV" + (" or --events CSV" * (args.part == "turns")))
    return _rows(args.manifest, args.where, labelled), args.root or args.manifest.parent


def _table(path: Path, columns: set[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from None
    if not rows or not columns <= set(rows[0]):
        raise BadInput(f"{path} needs the columns {', '.join(sorted(columns))}, and at least one row")
    return rows


def _rows(manifest: Path, conditions: list[str], labelled: str) -> list[dict[str, str]]:
    """Rows of the manifest that fit the conditions, and have a text where that is wanted. Raises BadInput."""
    rows = _table(manifest, {"path", labelled})
    wanted = [condition.partition("=") for condition in conditions]
    kept = [row for row in rows if all(row.get(key) == value for key, _, value in wanted)]
    kept = [row for row in kept if row["text"]] if labelled == "text" else kept
    if not kept:
        text = "has a text and " if labelled == "text" else ""
        raise BadInput(f"no row of {manifest} {text}fits {', '.join(conditions)}")
    return kept


def _told(report: dict[str, Any]) -> str:
    worst = "\n".join(f"  {row['wer']:.0%}  {row['path']}: {row['heard']}" for row in report["worst"])
    head = f"word error rate {report['wer']:.2%} on {report['n']} recordings ({report['words']} words)"
    return f"{head}, real-time factor {report['rtf']}\nworst:\n{worst}"

"""Start a server, ask it a recorded question, show what happens.

examples:
  affetto demo
  affetto demo --file my-question.wav --out my-demo
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from ..file import Turn, speak_file, write
from ..server_process import running_server
from .show import show_turn

RECORDING = Path(__file__).parents[1] / "recordings" / "question.flac"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, default=RECORDING, help="recording to speak (default: a bundled one)")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="where results go")
    parser.add_argument("--profile", choices=["embedded", "scripted"], default="embedded", help="which models")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    console = Console(stderr=args.json)
    console.print("starting a server; the first time this fetches 1.5 GB of models ...")
    with running_server(["--profile", args.profile]) as (url, _):
        console.print(f"ready at {url}; speaking {args.file.name} to it in real time ...\n")
        turn = asyncio.run(speak_file(url, args.file))
    _save(args.out, turn)
    if args.json:
        print(json.dumps(turn.record(), ensure_ascii=False))
    else:
        show_turn(console, turn)
        console.print(f"saved {args.out / 'reply.wav'} and {args.out / 'turn.json'}")
    return 0 if turn.status == "completed" and len(turn.audio) else 1


def _save(folder: Path, turn: Turn) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "reply.wav", turn.audio)
    (folder / "turn.json").write_text(json.dumps(turn.record(), indent=2, ensure_ascii=False) + "\n")

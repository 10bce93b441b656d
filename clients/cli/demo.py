"""Start a server, ask it a recorded question, show what happens.

The first run fetches the models (1.5 GB) and shows how far it is; later runs start in seconds.

examples:
  affetto demo
  affetto demo --file my-question.wav --out my-demo
  affetto demo --profile scripted                       without models, to see that all is set up
  affetto demo --set llm.options.model=smollm2-135m     with a smaller language model
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from .. import sound
from ..file import speak_file
from ..server_process import running_server
from ..turn import Turn
from . import options
from .show import show_turn

SLOW = (
    "This did not go as it should. `affetto doctor` tells what is slow or missing here; "
    "`affetto demo --set llm.options.model=smollm2-135m` needs less."
)
RECORDING = Path(__file__).parents[1] / "recordings" / "question.flac"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, default=RECORDING, help="recording to speak (default: a bundled one)")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="where results go")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_own_server(parser)


def run(args: argparse.Namespace) -> int:
    sound.read(args.file)  # says what is wrong with it before a server is started for it
    console = Console(stderr=args.json, highlight=False)
    console.print("starting a server ...")
    with running_server(options.own_server(args)) as server:
        console.print(f"ready; speaking {args.file.name} to it in real time, over {server.url} ...\n")
        turn = asyncio.run(speak_file(args.file, server.url))
    _save(args.out, turn)
    if args.json:
        print(json.dumps(turn.record(), ensure_ascii=False))
    else:
        show_turn(console, turn)
        console.print(f"saved {args.out / 'reply.wav'} and {args.out / 'turn.json'}")
    fine = turn.status == "completed" and len(turn.audio) > 0
    if not fine:
        console.print(SLOW)
    return 0 if fine else 1


def _save(folder: Path, turn: Turn) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sound.write(folder / "reply.wav", turn.audio)
    (folder / "turn.json").write_text(json.dumps(turn.record(), indent=2, ensure_ascii=False) + "\n")

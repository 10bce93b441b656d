"""Speak a recording to a server and save its answer.

examples:
  affetto say question.wav                       answer in reply.wav
  affetto say question.wav --out answer.wav --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from ..file import speak_file, write
from . import options
from .show import show_turn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="recording: WAV, FLAC, OGG, MP3")
    parser.add_argument("--out", type=Path, default=Path("reply.wav"), metavar="FILE", help="where the answer goes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    turn = asyncio.run(speak_file(args.url, args.file, api_key=args.key))
    if len(turn.audio):
        write(args.out, turn.audio)
    if args.json:
        print(json.dumps(turn.record(), ensure_ascii=False))
    else:
        console = Console()
        show_turn(console, turn)
        console.print(f"saved {args.out}" if len(turn.audio) else "there was no sound in the answer")
    return 0 if turn.status == "completed" else 1

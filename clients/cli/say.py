"""Speak a recording to a server and save its answer.

examples:
  affetto say question.wav                      in real time, as you would speak it
  affetto say question.wav --out answer.wav
  affetto say question.wav --fast --json        handed over at once; for scripts
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from .. import sound
from ..file import speak_file
from . import options
from .show import show_turn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="recording: WAV, FLAC, OGG, MP3")
    parser.add_argument("--out", type=Path, default=Path("reply.wav"), metavar="FILE", help="where the answer goes")
    parser.add_argument("--fast", action="store_true", help="do not wait in real time; the file is one whole turn")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    turn = asyncio.run(speak_file(args.file, args.url, api_key=args.key, fast=args.fast))
    spoke = len(turn.audio) > 0
    if spoke:
        sound.write(args.out, turn.audio)
    if args.json:
        print(json.dumps({**turn.record(), "saved": str(args.out) if spoke else None}, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        show_turn(console, turn)
        console.print(f"saved {args.out}" if spoke else "there was no sound in the answer")
    return 0 if turn.status == "completed" else 1

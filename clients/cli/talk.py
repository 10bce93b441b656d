"""Talk to a server by microphone; use headphones, or our own voice comes back.

examples:
  affetto talk
  affetto talk --url wss://example.org --key ...
  affetto talk --json > talk.jsonl              a line for what either side said
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from .. import microphone
from ..connection import connect
from . import options
from .show import appraisal_line, voice_line

NOTICE = "Talk; Ctrl-C ends it. I am an AI. How you sound is used to answer you, and is not kept."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backchannels", action="store_true", help='let it say "mm-hm" while you speak')
    parser.add_argument("--json", action="store_true", help="print what is said as lines of JSON")
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    card = microphone.sound_library()
    console = Console(highlight=False)

    async def talk() -> None:
        empathy = {**microphone.SESSION["empathy"], "backchannels": args.backchannels}
        async with connect(args.url, api_key=args.key, resume=True, empathy=empathy) as call:
            (Console(stderr=True) if args.json else console).print(NOTICE)
            await microphone.talk(call, as_lines if args.json else shown_on(console), library=card)

    asyncio.run(talk())
    return 0


def as_lines(event: dict[str, Any]) -> None:
    """Prints what either side said, with what was heard in it or made of it, as a line of JSON."""
    empathy = event.get("empathy") or {}
    match event["type"]:
        case "conversation.item.input_audio_transcription.completed" if event["transcript"]:
            line = {"heard": event["transcript"], "cues": empathy.get("cues")}
        case "response.output_audio_transcript.done" if event["transcript"]:
            line = {"reply": event["transcript"]}
        case "response.done" if "appraisal" in empathy:
            line = {"status": event["response"]["status"], "appraisal": empathy["appraisal"]}
        case "error":
            line = {"error": event["error"]["message"]}
        case _:
            return
    print(json.dumps(line, ensure_ascii=False), flush=True)


def shown_on(console: Console) -> Callable[[dict[str, Any]], None]:
    """Prints what happens in a call."""

    def show(event: dict[str, Any]) -> None:
        empathy = event.get("empathy") or {}
        match event["type"]:
            case "conversation.item.input_audio_transcription.completed" if event["transcript"]:
                console.print(f"[bold]you[/]  {escape(event['transcript'])}")
                if empathy.get("cues"):
                    console.print(f"     [dim]{escape(voice_line(empathy['cues']))}[/]")
            case "response.output_audio_transcript.done" if event["transcript"]:
                console.print(f"[bold]it[/]   {escape(event['transcript'])}")
            case "response.done" if "appraisal" in empathy:
                console.print(f"     [dim]{escape(appraisal_line(empathy['appraisal']))}[/]")
            case "error":
                console.print(f"[red]{escape(event['error']['message'])}[/]")

    return show

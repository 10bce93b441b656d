"""Talk to a server by microphone; use headphones, or our own voice comes back.

examples:
  affetto talk
  affetto talk --url wss://example.org --key ...
"""

from __future__ import annotations

import argparse
import asyncio
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
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    card = microphone.sound_library()
    console = Console(highlight=False)

    async def talk() -> None:
        empathy = {**microphone.SESSION["empathy"], "backchannels": args.backchannels}
        async with connect(args.url, api_key=args.key, resume=True, empathy=empathy) as call:
            console.print(NOTICE)
            await microphone.talk(call, shown_on(console), library=card)

    asyncio.run(talk())
    return 0


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

"""Talk to a server by microphone; use headphones, or our own voice comes back.

examples:
  affetto talk
  affetto talk --url wss://example.org --key ...
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from rich.console import Console

from .. import microphone
from ..connection import connect
from . import options
from .show import appraisal_line

SESSION = {"empathy": {"events": True, "playback_reports": True}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    microphone.sound_library()
    console = Console()

    def show(event: dict[str, Any]) -> None:
        match event["type"]:
            case "conversation.item.input_audio_transcription.completed":
                console.print(f"[bold]you[/]  {event['transcript']}")
            case "response.done":
                empathy = event.get("empathy") or {}
                if "appraisal" in empathy:
                    console.print(f"     [dim]{appraisal_line(empathy['appraisal'])}[/]")
            case "response.output_audio_transcript.done":
                console.print(f"[bold]it[/]   {event['transcript']}")
            case "error":
                console.print(f"[red]{event['error']['message']}[/]")

    async def talk() -> None:
        async with connect(args.url, api_key=args.key, session=SESSION) as call:
            console.print("Talk. Ctrl-C ends it. I am an AI; how you sound is used to answer you, and not kept.")
            await microphone.talk(call, show)

    asyncio.run(talk())
    return 0

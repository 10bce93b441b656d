"""Write with a server.

examples:
  affetto chat                                  a conversation in the terminal
  affetto chat --message "I got the job!"       one message, one answer
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from ..connection import Call, connect
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--message", metavar="TEXT", help="say this, print the answer, and leave")
    parser.add_argument("--json", action="store_true", help="print each answer as JSON, with its appraisal")
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    return asyncio.run(_chat(args))


async def _chat(args: argparse.Namespace) -> int:
    async with connect(args.url, api_key=args.key, session={"output_modalities": ["text"]}) as call:
        if args.message is not None:
            return await _exchange(call, args.message, args.json)
        print("Write, and end with Ctrl-D. I am an AI; in an emergency call your local emergency number.")
        while (line := await asyncio.to_thread(_read_line)) is not None:
            if line.strip():
                await _exchange(call, line, args.json)
    return 0


def _read_line() -> str | None:
    try:
        return input("> ")
    except EOFError:
        return None


async def _exchange(call: Call, text: str, as_json: bool) -> int:
    """Say one thing and print what comes back, as it comes."""
    await call.say(text, spoken=False)
    async for event in call:
        kind = event["type"]
        if kind == "response.output_text.delta" and not as_json:
            print(event["delta"], end="", flush=True)
        elif kind == "error":
            print(f"error: {event['error']['message']}", file=sys.stderr)
            return 1
        elif kind == "response.done":
            print(json.dumps(_record(event), ensure_ascii=False) if as_json else "")
            return 0 if event["response"]["status"] == "completed" else 1
    return 1


def _record(event: dict[str, Any]) -> dict[str, Any]:
    parts = [part["text"] for item in event["response"]["output"] for part in item["content"]]
    return {"reply": " ".join(parts), "status": event["response"]["status"], "empathy": event.get("empathy", {})}

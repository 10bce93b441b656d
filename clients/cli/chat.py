"""Write with a server.

examples:
  affetto chat                                  a conversation in the terminal
  affetto chat --message "I got the job!"       one message, one answer
  affetto chat --json < messages.txt            a line a message, a JSON object an answer
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterable

from rich.console import Console

from ..connection import Call, connect
from ..errors import CallEnded, ServerError
from ..turn import TurnCollector
from . import options
from .show import appraisal_line

NOTICE = "Write, and end with Ctrl-D. I am an AI; in an emergency call your local emergency number."
SHOWN = ("heard", "reply", "status", "reason", "appraisal", "client_ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--message", metavar="TEXT", help="say this, print the answer, and leave")
    parser.add_argument("--json", action="store_true", help="print each answer as a line of JSON")
    options.add_server(parser)


def run(args: argparse.Namespace) -> int:
    return asyncio.run(_chat(args))


async def _chat(args: argparse.Namespace) -> int:
    async with connect(args.url, api_key=args.key, output_modalities=["text"]) as call:
        if args.message is not None:
            return await _exchange(call, args.message, as_json=args.json)
        prompt = not args.json and sys.stdin.isatty()
        if prompt:
            print(NOTICE)
        statuses = [
            await _exchange(call, line, as_json=args.json) async for line in _lines("> " if prompt else "") if line
        ]
    return max(statuses, default=0)


async def _exchange(call: Call, text: str, *, as_json: bool) -> int:
    """Say one thing and print what comes back, as it comes."""
    now = asyncio.get_running_loop().time
    collector = TurnCollector(now())
    await call.say(text)
    async for event in call:
        collector.take(event, now())
        if event["type"] == "error":
            raise ServerError(event["error"]["message"], event["error"].get("code"))
        if event["type"] == "response.output_text.delta" and not as_json:
            print(event["delta"], end="", flush=True)
        if event["type"] == "response.done":
            _show(collector, text, as_json=as_json)
            return 0 if collector.complete and collector.turn().status == "completed" else 1
    raise CallEnded("the server ended the call")


def _show(collector: TurnCollector, text: str, *, as_json: bool) -> None:
    turn = collector.turn()
    if as_json:
        record = {**turn.record(), "heard": text}
        print(json.dumps({key: record[key] for key in SHOWN}, ensure_ascii=False), flush=True)
        return
    print()
    if turn.appraisal and sys.stdout.isatty():
        Console(highlight=False).print(f"[dim]{appraisal_line(turn.appraisal)}[/]")


async def _lines(prompt: str) -> AsyncIterator[str]:
    """Lines of the terminal or pipe, read by a thread of their own, which Ctrl-C need not wait for."""
    loop = asyncio.get_running_loop()
    wanted, lines = threading.Semaphore(0), asyncio.Queue[str | None]()

    def read() -> None:
        for line in _typed(prompt, wanted):
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        wanted.release()
        line = await lines.get()
        if line is None:
            return
        yield line.strip()


def _typed(prompt: str, wanted: threading.Semaphore) -> Iterable[str | None]:
    """A line each time one is wanted; None at the end."""
    while True:
        wanted.acquire()
        try:
            yield input(prompt)
        except EOFError:
            yield None
            return

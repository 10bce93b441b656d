"""The part "empathy" of `affetto eval`: plays dialogues through the configured stack and prints its figures."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from ...models import registry
from ...models.appraisal.line import render_appraisal, render_cues
from ...models.store import Store
from ...pipelines.duplex.backends import Backends
from ...pipelines.evaluation import empathy, empathy_report, judging
from ...pipelines.training import corpus
from .. import assembly
from ..settings import Settings
from . import options, weights
from .outcome import OK

UNHEARD = {kind: {"backend": "scripted", "options": {}} for kind in ("vad", "turn", "asr", "cues", "tts")}
"""Written turns need no ears and no voice."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("empathy")
    group.add_argument("--corpus", type=Path, metavar="JSONL", help="dialogues (default: the held-out ones that ship)")
    group.add_argument("--dialogues", type=int, metavar="N", help="only so many, spread over the corpus")
    group.add_argument("--no-replies", action="store_true", help="appraisals only: seconds instead of minutes")
    group.add_argument("--judge", nargs=2, metavar=("URL", "MODEL"), help="score replies by an OpenAI-compatible model")


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    store = Store(settings.models_dir)
    silent = {"llm": UNHEARD["tts"]} if args.no_replies else {}
    settings = settings.model_copy(update={kind: _scripted(settings, kind) for kind in (*UNHEARD, *silent)})
    weights.pull(store, weights.needed(settings))
    examples = list(corpus.read_file(args.corpus or empathy.HELD_OUT))
    examples = [corpus.unheard(example) for example in examples] if args.unheard else examples
    turns = asyncio.run(_played(args, settings, store, _spread(examples, args.dialogues)))
    report = empathy_report.report(turns)
    if args.out is not None:
        args.out.write_text("".join(f"{json.dumps(_line(t), ensure_ascii=False)}\n" for t in turns), encoding="utf-8")
    if args.judge is not None:
        url, model = args.judge
        chat = registry.create("llm", "openai", {"base_url": url, "model": model, "prefill": "none"}, store)
        report["judge"] = asyncio.run(judging.judge([turn for turn in turns if turn.reply], chat))
    print(json.dumps(report, ensure_ascii=False) if args.json else _told(report))
    return OK


def _scripted(settings: Settings, kind: str) -> Any:
    return type(getattr(settings, kind))(backend="scripted")


async def _played(
    args: argparse.Namespace, settings: Settings, store: Store, examples: list[corpus.Example]
) -> list[empathy.Played]:
    console = Console(stderr=True)
    async with assembly.backends(settings, store) as backends:
        turns: list[empathy.Played] = []
        async for turn in _turns(args, examples, backends, settings):
            turns.append(turn)
            if not args.no_replies and len(turns) % 20 == 0:
                console.print(f"{len(turns)} of {len(examples)} turns", highlight=False)
        return turns


def _turns(
    args: argparse.Namespace, examples: list[corpus.Example], backends: Backends, settings: Settings
) -> AsyncIterator[empathy.Played]:
    if args.no_replies:
        return empathy.appraise(examples, backends)
    return empathy.play(examples, backends, assembly.policy(settings))


def _spread(examples: list[corpus.Example], count: int | None) -> list[corpus.Example]:
    """Every n-th dialogue, so that there are `count`."""
    dialogues = [list(turns) for _, turns in groupby(examples, key=lambda example: example.dialogue)]
    step = max(1, len(dialogues) / count) if count else 1
    kept = [dialogues[int(i * step)] for i in range(min(count or len(dialogues), len(dialogues)))]
    return [turn for dialogue in kept for turn in dialogue]


def _line(turn: empathy.Played) -> dict[str, Any]:
    situation = turn.example.situation
    return {
        "dialogue": turn.example.dialogue,
        "user": situation.text,
        "cues": render_cues(situation.cues),
        "appraisal": render_appraisal(turn.appraisal),
        "expected": render_appraisal(turn.example.plan),
        "reply": turn.reply,
        "example": turn.example.reply,
        "first_text_ms": turn.first_text_ms,
        "degraded": list(turn.degraded),
    }


def _told(report: dict[str, Any]) -> str:
    lines = []
    for name, value in report.items():
        if isinstance(value, dict):
            lines += [name, *(f"  {key:<24} {figure}" for key, figure in value.items())]
        else:
            lines.append(f"{name:<26} {value}")
    return "\n".join(lines)

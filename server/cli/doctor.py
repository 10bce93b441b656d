"""Tell what is installed, pulled, reachable, and how fast it is here.

Each stage of the loop is run on this machine with the models that the settings choose; nothing else should run
meanwhile. The exit status is 3 if something that the settings need is missing.

examples:
  affetto doctor
  affetto doctor --no-speed                     seconds less: only what there is
  affetto doctor --json
  affetto doctor --set llm.options.model=smollm2-135m      would that one be faster?
"""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...models import registry
from ...models.base import Recognition, Samples
from ...models.errors import BackendError
from ...models.store import Store
from ...pipelines.evaluation import asr, speed
from ..settings import SECTIONS, Settings
from . import checks, options, weights
from .outcome import MISSING, OK

RECORDING = Path(__file__).parents[2] / "clients" / "recordings" / "question.flac"
MIN_TOKENS_PER_S = 8.0
"""Speech takes about four tokens a second; with less than twice that, answers falter when the machine is busy."""
MAX_RTF = 0.7
"""A synthesizer that needs more of real time than this stutters when something else runs."""
BIGGER_FROM_TOKENS_PER_S = 40.0
"""From here a model of twice the size still answers in time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-speed", action="store_true", help="do not run the models")
    parser.add_argument("--offline", action="store_true", help="do not ask what can be reached over the network")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    store = Store(settings.models_dir)
    waiting = Console(stderr=True)
    with waiting.status("looking at what is here, and what can be reached"):
        found = checks.packages() + checks.weights(store, weights.needed(settings))
        found += checks.reachable(settings, network=not args.offline)
    record: dict[str, Any] = {"machine": checks.machine(), "profile": settings.profile, "weights_dir": str(store.root)}
    record["checks"] = [check.record() for check in found]
    if not args.no_speed:
        with waiting.status("running each model, to see how fast it is here"):
            record["speed"] = asyncio.run(stages(settings, store, asr.read(RECORDING)))
        record["advice"] = advice(settings, record["speed"])
    record["ok"] = all(check.good for check in found if check.needed) and not _broken(record.get("speed", {}))
    if args.json:
        print(json.dumps(record, ensure_ascii=False))
    else:
        _show(record)
    return OK if record["ok"] else MISSING


async def stages(settings: Settings, store: Store, audio: Samples) -> dict[str, dict[str, Any]]:
    """Figures of each stage, or `error` for one that cannot be run here; a broken stage does not hide the others."""
    found: dict[str, dict[str, Any]] = {}
    heard: Recognition | None = None
    made: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        for kind in (*(k for k in SECTIONS if k != "appraiser"), "appraiser"):  # it may need the language model
            section = getattr(settings, kind)
            try:
                backend = registry.create(kind, section.backend, section.options, store)
                if hasattr(backend, "__aenter__"):
                    await stack.enter_async_context(backend)
                made[kind] = backend
                if kind == "asr":
                    heard = await backend.recognize(audio)
                if hasattr(backend, "bind") and "llm" in made:
                    backend.bind(made["llm"])
                given = {"cues": (audio, heard), "appraiser": (), "llm": (), "tts": ()}.get(kind, (audio,))
                found[kind] = {"backend": section.backend, **await speed.STAGES[kind](backend, *given)}
            except (BackendError, registry.BadBackend) as error:
                found[kind] = {"backend": section.backend, "error": str(error)}
    return found


def advice(settings: Settings, figures: dict[str, dict[str, Any]]) -> list[str]:
    """What the figures suggest; empty where all is well."""
    told = []
    rate, rtf = figures.get("llm", {}).get("tokens_per_s"), figures.get("tts", {}).get("rtf")
    if rate is not None and rate < MIN_TOKENS_PER_S:
        told.append(
            f"the language model makes {rate:g} tokens a second, fewer than {MIN_TOKENS_PER_S:g}: "
            "take a smaller one (--set llm.options.model=qwen2.5-coder-0.5b), or another machine's (llm.backend=openai)"
        )
    elif rate is not None and rate >= BIGGER_FROM_TOKENS_PER_S and settings.llm.backend == "llama":
        told.append(
            f"{rate:g} tokens a second leave room for a bigger model: --set llm.options.model=FILE.gguf, "
            "--set llm.options.adapter=none, --set duplex.prompt_form=full"
        )
    if rtf is not None and rtf > MAX_RTF:
        told.append(f"speech takes {rtf:g} of real time, more than {MAX_RTF:g}: it will stutter")
    return told


def _broken(figures: dict[str, dict[str, Any]]) -> bool:
    return any("error" in stage for stage in figures.values())


def _show(record: dict[str, Any]) -> None:
    console = Console(highlight=False)
    machine = record["machine"]
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    console.print(
        f"affetto {machine['affetto']}, Python {machine['python']}, {machine['system']}, "
        f"{machine['cores']} cores{memory}; profile {record['profile']}"
    )
    console.print(f"weights in {record['weights_dir']}\n", soft_wrap=True)
    table = Table("", "what", "found", "what to do")
    for check in record["checks"]:
        mark = "[green]ok[/]" if check["good"] else "[red]no[/]" if check["needed"] else "-"
        table.add_row(mark, *(escape(check[key]) for key in ("name", "found", "mend")))
    console.print(table)
    if "speed" in record:
        console.print(_speed_table(record["speed"]))
    for line in record.get("advice", []):
        console.print(f"advice: {line}")
    console.print("all that these settings need is here" if record["ok"] else "something is missing: see above")


def _speed_table(figures: dict[str, dict[str, Any]]) -> Table:
    table = Table("stage", "backend", "figures", title="how fast, here and now", title_justify="left")
    for stage, values in figures.items():
        shown = {name: value for name, value in values.items() if name != "backend"}
        text = shown.get("error") or ", ".join(f"{name} {value:g}" for name, value in shown.items())
        table.add_row(stage, values["backend"], escape(text))
    return table

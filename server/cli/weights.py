"""Pulling what a server needs, with progress on a terminal and plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ...models.store import Store
from ..settings import Settings


def needed(settings: Settings) -> tuple[str, ...]:
    """Assets that these settings' backends read."""
    by_backend = {
        ("vad", "silero"): "silero-vad",
        ("turn", "smart_turn"): "smart-turn",
        ("tts", "kokoro"): "kokoro",
        ("tts", "piper"): "piper-joe",
        ("appraiser", "small"): "minilm",
    }
    assets = [name for (kind, backend), name in by_backend.items() if getattr(settings, kind).backend == backend]
    if settings.asr.backend == "faster_whisper" and not settings.asr.options.get("model"):
        assets.append(settings.asr.options.get("asset", "whisper-base"))
    if settings.llm.backend == "llama":
        model = settings.llm.options.get("model", "qwen2.5-coder-1.5b")
        assets += [] if model.endswith(".gguf") else [model]
    return tuple(assets)


def pull(store: Store, names: Iterable[str]) -> tuple[str, ...]:
    """Fetch what is missing and show how far it is. Raises PullFailed, UnknownAsset."""
    missing = store.missing(names)
    if not missing:
        return ()
    console = Console(stderr=True)
    size = sum(store.manifest.assets[name].size for name in missing) / 2**20
    console.print(f"fetching weights into {store.root}: {', '.join(missing)} ({size:.0f} MiB)")
    if not sys.stderr.isatty():
        return store.pull(missing, progress=_lines(console))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        return store.pull(missing, progress=show)


def _lines(console: Console) -> Any:
    told: dict[str, int] = {}

    def show(name: str, done: int, total: int) -> None:
        tenth = 10 * done // total
        if told.get(name) != tenth:
            told[name] = tenth
            console.print(f"  {name}: {10 * tenth}% of {total / 2**20:.0f} MiB")

    return show

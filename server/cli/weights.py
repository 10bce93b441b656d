"""Pulling what a server needs, with progress on a terminal and plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from ...models.store import Store
from ...models.store.events import Checking, Progressed, PullEvent, SourceLost, Waiting
from ..settings import Settings

MIB = 2**20
LARGE_BYTES = 50 * MIB
"""Files under this size get one line, not ten."""


def needed(settings: Settings) -> tuple[str, ...]:
    """Assets that these settings' backends read."""
    by_backend = {
        ("vad", "silero"): "silero-vad",
        ("turn", "smart_turn"): "smart-turn",
        ("tts", "kokoro"): "kokoro",
        ("tts", "piper"): "piper-joe",
        ("appraiser", "small"): "minilm",
        ("embedder", "minilm"): "minilm",
    }
    assets = [name for (kind, backend), name in by_backend.items() if getattr(settings, kind).backend == backend]
    if settings.asr.backend == "faster_whisper" and not settings.asr.options.get("model"):
        assets.append(settings.asr.options.get("asset", "whisper-base"))
    if settings.cues.backend == "voice" and settings.cues.options.get("words", True):
        assets.append("minilm")
    if settings.cues.backend == "voice" and settings.cues.options.get("own_encoder"):
        assets.append("whisper-base")
    if settings.llm.backend == "llama":
        model = settings.llm.options.get("model", "qwen2.5-coder-1.5b")
        assets += [] if model.endswith(".gguf") else [model]
    return tuple(dict.fromkeys(assets))


def pull(store: Store, names: Iterable[str]) -> tuple[str, ...]:
    """Fetch what is missing and show how far it is. Raises PullFailed, UnknownAsset."""
    missing = store.missing(names)
    if not missing:
        return ()
    console = Console(stderr=True)
    size = sum(store.manifest.assets[name].size for name in missing) / MIB
    console.print(f"fetching weights into {store.root}: {', '.join(missing)} ({size:.0f} MiB)", highlight=False)
    if not console.is_terminal:
        return store.pull(missing, observer=Lines(console))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as bars:
        return store.pull(missing, observer=Bars(bars))


class Bars:
    """A bar a file, on a terminal."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: PullEvent) -> None:
        if not isinstance(event, Progressed):
            self._bars.console.print(told(event), highlight=False)
            return
        if event.file not in self._tasks:
            self._tasks[event.file] = self._bars.add_task(event.file, total=event.size)
        self._bars.update(self._tasks[event.file], completed=event.done)


class Lines:
    """A plain line for each tenth of a large file, and for each small one, elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tenths: dict[str, int] = {}

    def __call__(self, event: PullEvent) -> None:
        if isinstance(event, Progressed):
            tenth = 10 * event.done // event.size
            if self._tenths.get(event.file) == tenth or (event.size < LARGE_BYTES and tenth < 10):
                return
            self._tenths[event.file] = tenth
        self._console.print(told(event), highlight=False, soft_wrap=True)


def told(event: PullEvent) -> str:
    """An event in words."""
    match event:
        case Waiting(root):
            return f"  another process pulls into {root}: waiting until it is done"
        case Checking(file, size):
            return f"  {file}: checking what is there ({size / MIB:.0f} MiB)"
        case Progressed(file, done, size):
            return f"  {file}: {100 * done // size}% of {size / MIB:.1f} MiB"
        case SourceLost(file, problem):
            return f"  {file}: {problem}"

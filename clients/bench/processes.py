"""CPU time and memory of a process and its children, from /proc; unknown where there is no /proc."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Stat:
    """A line of /proc/PID/stat: what we need of it."""

    parent: int
    ticks: int
    """CPU time of the process and of its ended children, in clock ticks."""
    pages: int
    """Resident memory."""


def parse(line: str) -> Stat:
    """Fields as in proc_pid_stat(5); the name, in brackets, may hold anything."""
    fields = line.rpartition(")")[2].split()
    return Stat(parent=int(fields[1]), ticks=sum(map(int, fields[11:15])), pages=int(fields[21]))


def tree(root: int, stats: Mapping[int, Stat]) -> list[Stat]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats:
            found.append(stats[pid])
            waiting += children.get(pid, [])
    return found


def everything() -> dict[int, Stat]:
    """All processes now; empty where they cannot be seen."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = parse(path.read_text())
        except (OSError, ValueError, IndexError):  # it has just ended
            continue
    return found


class Meter:
    """Watches a process tree: CPU seconds since the beginning, and the most memory seen."""

    def __init__(self, root: int | None) -> None:
        self._root = root
        self._begin: float | None = None
        self._now: float | None = None
        self.peak_rss_bytes: int | None = None

    @property
    def cpu_s(self) -> float | None:
        return None if self._begin is None or self._now is None else self._now - self._begin

    def look(self) -> None:
        found = tree(self._root, everything()) if self._root is not None else []
        if not found:
            return
        self._now = sum(stat.ticks for stat in found) / os.sysconf("SC_CLK_TCK")
        self._begin = self._now if self._begin is None else self._begin
        resident = sum(stat.pages for stat in found) * os.sysconf("SC_PAGE_SIZE")
        self.peak_rss_bytes = max(resident, self.peak_rss_bytes or 0)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look now and then while something goes on."""
        self.look()
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            self.look()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

"""Whether one more session would make the running ones suffer, by what is measured: how late the event loop is, whether
calls queue at a model, and what processor time a session takes.

The first session is always let in. What a session takes is not known at first, so a guess stands in for it, and what is
measured may halve that at most: people who are silent now may all speak at once.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from .settings import ServerSection

EVERY_S = 1.0
MEMORY_S = 30.0
"""How far back the measure of a session's processor time goes (a weighted mean: exp(-t / MEMORY_S))."""
USABLE = 0.85
"""Of the cores, for sessions: beyond it, waiting times soar."""
LONGEST_QUEUE = 4
"""Calls at one model, for each session, that may wait: a session has two or three at most when all goes well."""
LEAST_OF_GUESS = 0.5
GUESSES = {"embedded": 0.8}
"""Cores of a session by profile, where all models run on this machine; docs/performance.md has what was measured."""


class Admission:
    """`lag_s` is the loop's lag (p99 of the last seconds), `queue` the calls at the busiest model, `cpu_s` processor
    seconds so far, `live` the sessions."""

    def __init__(
        self,
        section: ServerSection,
        guess: float,
        *,
        lag_s: Callable[[], float],
        queue: Callable[[], int],
        live: Callable[[], int],
        cpu_s: Callable[[], float] | None = None,
        cores: float | None = None,
    ) -> None:
        self._section = section
        self._guess = guess if section.session_cores is None else section.session_cores
        self._lag_s, self._queue, self._live = lag_s, queue, live
        self._cpu_s = cpu_s or processor_s
        self._cores = cores or usable_cores()
        self._measured: float | None = None

    async def watch(self) -> None:
        """Until cancelled."""
        before, at = self._cpu_s(), time.monotonic()
        while True:
            await asyncio.sleep(EVERY_S)
            now, spent = time.monotonic(), self._cpu_s()
            self.note(spent - before, now - at)
            before, at = spent, now

    def note(self, cpu_s: float, seconds: float) -> None:
        """So much processor time was used in the last seconds."""
        live = self._live()
        if not live or seconds <= 0:
            return
        each = cpu_s / seconds / live
        weight = min(1.0, seconds / MEMORY_S)
        self._measured = each if self._measured is None else self._measured + weight * (each - self._measured)

    @property
    def session_cores(self) -> float:
        """What a session is taken to need."""
        if self._measured is None:
            return self._guess
        return max(self._measured, LEAST_OF_GUESS * self._guess)

    def problem(self) -> str | None:
        """Why one more session would be too many, fit for whoever asks for it; `None` where it would not."""
        live = self._live()
        if not self._section.admission or not live:
            return None
        if self._lag_s() * 1000 > self._section.most_lag_ms:
            return "the server is busy: it is late already"
        if self._queue() > LONGEST_QUEUE * live:
            return "the server is busy: its models are behind"
        if (live + 1) * self.session_cores > USABLE * self._cores:
            return "the server is busy: one more conversation would slow down the others"
        return None


def usable_cores() -> float:
    """Cores that this process may use: those it may run on, less what its control group (v2) withholds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):  # no control group, or no limit ("max")
        return cores


def processor_s() -> float:
    """Processor seconds of this process and its children (the language model's), as far as the system tells."""
    ticks = 0
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            for pid in path.read_text().split():
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:  # it has just ended
            continue
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

"""Whether a server holds: what it takes as callers come, and whether anything grows while they stay.

The server tells of itself by /metrics, so this works from anywhere. Figures are of its gateway process.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from ..connection import endpoint
from ..errors import CannotConnect
from .report import spread
from .swarm import Swarm, Talk

_SAMPLE = re.compile(r'^([a-z_]+)(?:\{le="([^"]+)"\})? (\S+)$', re.MULTILINE)
LAG = "affetto_event_loop_lag_seconds_bucket"
WATCHED = {
    "tasks": "affetto_tasks",
    "descriptors": "process_open_fds",
    "memory_mib": "process_resident_memory_bytes",
}
ALLOWED = {"tasks": 0.02, "descriptors": 0.02, "memory_mib": 0.05}
"""Growth over a whole run that is let pass, as a share of the level: callers come and go, and allocators round up."""
SETTLED = 0.2
"""Of a run, before its level counts."""
BLOCKS = 10
"""Means that a slope is fitted to: neighbouring looks at a process are not independent."""
T_95 = 1.86
"""One-sided 95 % point of Student's t with BLOCKS - 2 degrees of freedom."""
LOOK_S = 1.0
MOST_LAG_MS = 50.0
WARM_S = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What the server says of itself at one moment."""

    values: Mapping[str, float]
    lag: Mapping[float, float] = field(default_factory=dict)
    """Looks at the loop that were not later than so many seconds, so far."""

    @classmethod
    def read(cls, text: str) -> Look:
        """Read the text of /metrics."""
        found = _SAMPLE.findall(text)
        lag = {float(le): float(value) for name, le, value in found if name == LAG}
        return cls({name: float(value) for name, le, value in found if not le}, lag)

    def watched(self) -> dict[str, float]:
        scale = {"memory_mib": 2**20}
        return {name: self.values[metric] / scale.get(name, 1) for name, metric in WATCHED.items()}

    @property
    def cpu_s(self) -> float:
        return self.values["process_cpu_seconds_total"]


def watched(looks: Sequence[Look]) -> dict[str, float]:
    """Of all gateway processes together."""
    each = [look.watched() for look in looks]
    return {name: sum(one[name] for one in each) for name in WATCHED}


def quantile_ms(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float | None:
    """A quantile of what was seen between two looks, straight within its bucket (as histogram_quantile does)."""
    counts = {le: after[le] - before.get(le, 0.0) for le in sorted(after)}
    total = counts.get(math.inf, 0.0)
    if not total:
        return None
    low = below = 0.0
    for le, count in counts.items():
        if count >= share * total:
            if le == math.inf:
                return low * 1000
            return (low + (le - low) * (share * total - below) / max(count - below, 1e-12)) * 1000
        low, below = le, count
    return None


@dataclass(frozen=True, slots=True)
class Growth:
    """How something changed over a run, from the settled part on."""

    level: float
    over_run: float
    """What the fitted line rises by, from end to end."""
    surely: float
    """The least that it rises by, at 95 %."""
    grows: bool

    def record(self) -> dict[str, Any]:
        return {"level": round(self.level, 1), "growth": round(self.over_run, 2), "grows": self.grows}


def growth(values: Sequence[float], allowed: float) -> Growth:
    """Least squares over block means; it grows where the lower bound of its rise is more than is allowed."""
    settled = np.asarray(values[int(len(values) * SETTLED) :], float)
    blocks = np.array([block.mean() for block in np.array_split(settled, min(BLOCKS, len(settled)))])
    level = float(blocks.mean())
    if len(blocks) < 3:
        return Growth(level, 0.0, 0.0, False)
    x = np.linspace(-0.5, 0.5, len(blocks))
    slope = float(x @ blocks / (x @ x))
    rest = blocks - level - slope * x
    error = math.sqrt(float(rest @ rest) / (len(blocks) - 2) / float(x @ x))
    surely = slope - T_95 * error
    return Growth(level, slope, surely, surely > allowed * level)


class Server:
    """The server under load: its metrics (those of each worker, where there are several), and a swarm that calls it."""

    def __init__(self, url: str, talk: Talk, *, api_key: str | None = None, workers: Sequence[str] = ()) -> None:
        self._metrics = [_metrics(each) for each in workers or (url,)]
        self._client = httpx.AsyncClient(
            timeout=20, trust_env=False, headers={"Authorization": f"Bearer {api_key}"} if api_key else {}
        )
        self.swarm = Swarm(url, talk, api_key=api_key)

    async def look(self) -> list[Look]:
        """One for each worker. Raises CannotConnect."""
        return [await self._look(url) for url in self._metrics]

    async def _look(self, url: str) -> Look:
        try:
            answer = await self._client.get(url)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise CannotConnect(f"{url} does not tell how it is: {error}") from error
        return Look.read(answer.text)

    async def close(self) -> None:
        await self.swarm.hang_up()
        await self._client.aclose()


async def ramp(
    server: Server, counts: Sequence[int], *, seconds: float, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """More and more callers; what each number of them costs, and how they fare."""
    rows = []
    empty = watched(await server.look())["memory_mib"]
    for count in counts:
        wanted = count - len(server.swarm)
        refused = wanted - await server.swarm.add(wanted)
        await server.swarm.talk(WARM_S)
        for told in server.swarm.told:
            told.v2v_ms.clear()
        before = await server.look()
        await server.swarm.talk(seconds)
        after = await server.look()
        figures = _load(before, after, seconds, count)
        figures["memory_kib_per_session"] = round((watched(after)["memory_mib"] - empty) * 1024 / count, 1)
        v2v = spread(ms for told in server.swarm.told for ms in told.v2v_ms)
        rows.append({"sessions": count, "refused": refused, **figures, "v2v_ms": v2v})
        progress(f"{count} sessions: {_told(rows[-1])}")
    return rows


async def soak(server: Server, count: int, *, seconds: float, progress: Callable[[str], None]) -> dict[str, Any]:
    """So many callers for so long, coming and going; what was dropped, how late the loop was, and what grew."""
    swarm = server.swarm
    await swarm.add(count)
    await swarm.talk(WARM_S)
    first = last = await server.look()
    series: dict[str, list[float]] = {name: [] for name in WATCHED}
    talking = asyncio.create_task(swarm.talk(seconds))
    while not talking.done():
        await asyncio.wait([talking], timeout=max(LOOK_S, seconds / 600))
        last = await server.look()
        for name, value in watched(last).items():
            series[name].append(value)
        if len(series["tasks"]) % 60 == 0:
            progress(f"{len(swarm.told)} calls so far: {_told(_load(first, last, seconds, count))}")
    await talking
    await swarm.finish()
    told = swarm.told
    return {
        "sessions": count,
        "calls": len(told),
        "turns": sum(one.turns for one in told),
        "dropped_events": sum(one.dropped() for one in told),
        "errors": sorted({code for one in told for code in one.errors}),
        "broken": sum(one.closed is not None and one.closed[0] != 1000 for one in told),
        "v2v_ms": spread(ms for one in told for ms in one.v2v_ms),
        **_load(first, last, seconds, count),
        "client_late_ms": round(swarm.late_s * 1000, 1),
        "growth": {name: growth(values, ALLOWED[name]).record() for name, values in series.items()},
    }


def verdict(figures: Mapping[str, Any]) -> list[str]:
    """What does not hold."""
    lag = figures["lag_p99_ms"]
    found = [f"{name} grows: {told}" for name, told in figures["growth"].items() if told["grows"]]
    if lag is None or lag >= MOST_LAG_MS:
        found.append(f"the event loop is {lag} ms late (p99); less than {MOST_LAG_MS:g} ms is asked")
    for name, text in (("dropped_events", "events were dropped"), ("broken", "calls broke")):
        if figures[name]:
            found.append(f"{figures[name]} {text}")
    if figures["errors"]:
        found.append(f"errors: {', '.join(figures['errors'])}")
    return found


def _load(before: Sequence[Look], after: Sequence[Look], seconds: float, count: int) -> dict[str, Any]:
    """What the load cost; the event loop's lag is that of the worker that was latest."""
    pairs = list(zip(before, after, strict=True))
    lag = {f"lag_p{p}_ms": _latest(quantile_ms(b.lag, a.lag, p / 100) for b, a in pairs) for p in (50, 99)}
    cpu = sum(a.cpu_s - b.cpu_s for b, a in pairs)
    return {
        **lag,
        "cores": round(cpu / seconds, 3),
        "cpu_ms_per_session_s": round(cpu * 1000 / seconds / count, 3),
        **{name: round(value, 1) for name, value in watched(after).items()},
    }


def _latest(lags: Iterable[float | None]) -> float | None:
    known = [lag for lag in lags if lag is not None]
    return round(max(known), 1) if known else None


def _metrics(url: str) -> str:
    parts = urlsplit(endpoint(url))
    scheme = {"ws": "http", "wss": "https"}[parts.scheme]
    return f"{scheme}://{parts.netloc}/metrics"


def _told(figures: Mapping[str, Any]) -> str:
    return f"{figures['cores']} cores, {figures['memory_mib']} MiB, loop {figures['lag_p99_ms']} ms late (p99)"

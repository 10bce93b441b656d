"""A whole measurement: ours, a plain client, and the common way, in turn, so that ratios hold on a noisy machine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..connection import endpoint
from .acts import Act, Ask, Interrupt, Murmur
from .calls import NAIVE, OURS, PLAIN, Caller, Record, chunks, one_call
from .processes import Meter
from .report import Load, loaded, ratio, summary

SPECULATIONS = re.compile(r'^affetto_speculations_total\{used="(yes|no)"\} (\S+)$', re.MULTILINE)
METRICS_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server to measure; without `pid` its processes cannot be seen."""

    url: str
    pid: int | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One kind of client with one server, and the kinds of acts that it does."""

    caller: Caller
    target: Target
    kinds: tuple[type, ...] = ()

    def takes(self, acts: Sequence[Act]) -> list[Act]:
        return [act for act in acts if not self.kinds or isinstance(act, self.kinds)]


@dataclass(slots=True)
class Tally:
    """What came of one way."""

    meter: Meter
    record: Record = field(default_factory=Record)
    begin: dict[str, int] = field(default_factory=dict)
    end: dict[str, int] = field(default_factory=dict)

    def load(self) -> Load:
        known = bool(self.end)
        return Load(
            talk_s=self.record.seconds,
            cpu_s=self.meter.cpu_s,
            peak_rss_bytes=self.meter.peak_rss_bytes,
            speculations_used=self.end.get("yes", 0) - self.begin.get("yes", 0) if known else None,
            speculations_wasted=self.end.get("no", 0) - self.begin.get("no", 0) if known else None,
            late_ms=self.record.late_s * 1000,
        )

    def figures(self) -> dict[str, Any]:
        return {
            **summary(self.record.outcomes),
            "untried": self.record.untried,
            "refused": self.record.refused,
            **loaded(self.load()),
        }


def ways(ours: Target, *, plain: bool, naive: Target | None) -> list[Way]:
    """Ours first; what it is compared with does only what can be compared."""
    found = [Way(OURS, ours)]
    found += [Way(PLAIN, ours, (Interrupt, Murmur))] if plain else []
    found += [Way(NAIVE, naive, (Ask, Interrupt))] if naive is not None else []
    return found


async def measure(
    taken: Sequence[Way], acts: Sequence[Act], *, sessions: int = 1, progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Do all acts in each way, a call of one after a call of the other; `progress` hears the way, and how many of its
    acts are done, of how many. Raises CannotConnect, CallEnded, ServerError."""
    tallies = [Tally(Meter(way.target.pid)) for way in taken]
    planned = [list(chunks(way.takes(acts))) for way in taken]
    async with AsyncExitStack() as stack:
        for way, tally in zip(taken, tallies, strict=True):
            tally.begin = await speculations(way.target)
            await stack.enter_async_context(tally.meter.watching())
        for step in range(max(map(len, planned))):
            for way, tally, calls in zip(taken, tallies, planned, strict=True):
                if step < len(calls):
                    await _together(way, tally.record, calls, step, sessions)
                    progress(way.caller.name, sum(map(len, calls[: step + 1])), sum(map(len, calls)))
        for way, tally in zip(taken, tallies, strict=True):
            tally.end = await speculations(way.target)
    return _figures(taken, tallies)


async def ramp(
    target: Target, acts: Sequence[Act], counts: Sequence[int], *, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """The same questions with more and more sessions at once."""
    asks = [act for act in acts if isinstance(act, Ask)]
    found = []
    for count in counts:
        figures = await measure([Way(OURS, target, (Ask,))], asks, sessions=count, progress=progress)
        kept = ("v2v_ms", "refused", "unanswered_rate", "cpu_s_per_min", "peak_rss_mib", "client_late_ms")
        found.append({"sessions": count, **{name: figures[name] for name in kept}})
    return found


async def speculations(target: Target) -> dict[str, int]:
    """Replies begun early so far, by whether they were used ("yes", "no"); empty where the server does not tell."""
    parts = urlsplit(endpoint(target.url))
    scheme = {"ws": "http", "wss": "https"}[parts.scheme]
    headers = {"Authorization": f"Bearer {target.api_key}"} if target.api_key else {}
    try:
        async with httpx.AsyncClient(timeout=METRICS_TIMEOUT_S, headers=headers, trust_env=False) as client:
            answer = await client.get(f"{scheme}://{parts.netloc}/metrics")
    except httpx.HTTPError:
        return {}
    return {used: int(float(count)) for used, count in SPECULATIONS.findall(answer.text)}


async def _together(way: Way, record: Record, calls: list[list[Act]], step: int, sessions: int) -> None:
    """One call in each session; each does other acts."""

    async def call(session: int) -> None:
        acts = calls[(step + session) % len(calls)]
        record.add(await one_call(way.target.url, acts, way.caller, api_key=way.target.api_key))

    async with asyncio.TaskGroup() as tasks:
        for session in range(sessions):
            tasks.create_task(call(session))


def _figures(taken: Sequence[Way], tallies: Sequence[Tally]) -> dict[str, Any]:
    """Ours at the top, the others under their names."""
    named = {way.caller.name: tally.figures() for way, tally in zip(taken, tallies, strict=True)}
    ours = named.pop(OURS.name)
    figures = {**ours, **named}
    if NAIVE.name in named:
        figures["v2v_ratio"] = ratio(ours, named[NAIVE.name])
    return figures

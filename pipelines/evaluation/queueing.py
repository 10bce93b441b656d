"""Waiting lines: closed forms where there are any, and a simulation where calls are served in batches.

Erlang's C formula (1917) is for calls that come at random (Poisson) to c servers whose service times are exponential
(M/M/c); tests/test_evaluation_capacity.py holds the simulation against it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Service = Callable[[int], float]
"""Seconds that a batch of so many calls takes."""
WARM = 0.1
"""Share of the calls at the beginning that is left out: the line was empty then."""


def erlang_c(load: float, servers: int) -> float:
    """Probability that a call waits, where `load` servers' worth of work (rate times service time) comes to so many."""
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang's B, by its recursion
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(rate: float, service_s: float, servers: int) -> float:
    """Mean time in the line of an M/M/c system, in seconds; infinite where more comes than is served."""
    load = rate * service_s
    if load >= servers:
        return float("inf")
    return erlang_c(load, servers) * service_s / (servers - load)


def waits(rate: float, servers: int, service: Service, *, batch: int = 1, calls: int = 20_000, seed: int = 0) -> Floats:
    """Times that calls wait until their service begins, in seconds, in order; who is free takes all that wait, up to
    `batch`."""
    arrivals = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, calls))
    found, free = np.empty(calls), [0.0] * servers
    first = 0
    while first < calls:
        begin = max(heapq.heappop(free), float(arrivals[first]))
        last = min(first + batch, first + int(np.searchsorted(arrivals[first : first + batch], begin, "right")))
        found[first:last] = begin - arrivals[first:last]
        heapq.heappush(free, begin + service(last - first))
        first = last
    return found[int(WARM * calls) :]


def servers_for(rate: float, service: Service, *, batch: int, p95_s: float, calls: int = 20_000) -> int:
    """The fewest servers with which 95 of 100 calls wait no longer than this."""
    fewest = max(1, ceil(rate * service(batch) / batch))
    most = max(fewest + 1, ceil(rate * service(1)) + 2)
    while _p95(rate, most, service, batch, calls) > p95_s:
        fewest, most = most, 2 * most
    while fewest < most:
        middle = (fewest + most) // 2
        if _p95(rate, middle, service, batch, calls) <= p95_s:
            most = middle
        else:
            fewest = middle + 1
    return most


def _p95(rate: float, servers: int, service: Service, batch: int, calls: int) -> float:
    return float(np.quantile(waits(rate, servers, service, batch=batch, calls=calls), 0.95))

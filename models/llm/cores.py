"""How many threads are worth having: generation is bound by memory, so a core's second thread only gets in the way."""

from __future__ import annotations

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def physical_cores(cpuinfo: Path = CPUINFO) -> int:
    """Physical cores, but not more than this process may run on; at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, _listed(cpuinfo) or usable))


def _listed(cpuinfo: Path) -> int:
    """Distinct (socket, core) pairs; 0 where the system does not tell."""
    if not cpuinfo.is_file():
        return 0
    cores = set()
    for block in cpuinfo.read_text().split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        values = {key.strip(): value.strip() for key, value in fields.items()}
        if "core id" in values:
            cores.add((values.get("physical id"), values["core id"]))
    return len(cores)

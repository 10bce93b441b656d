"""A ramp drawn: what each number of callers costs, and how they fare. Needs matplotlib (affetto[train])."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PANELS = (
    ("cpu_ms_per_session_s", "processor time a session\n(ms a second)"),
    ("memory_kib_per_session", "memory a session (KiB)"),
    ("lag_p99_ms", "event loop lag, p99 (ms)"),
    ("v2v", "time to answer, p95 (ms)"),
)


def plotted(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write four small panels over the number of callers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=80, layout="constrained")
    counts = [row["sessions"] for row in rows]
    for axes, (name, label) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        values = [row["v2v_ms"]["p95"] if name == "v2v" else row[name] for row in rows]
        axes.plot(counts, values, "o-", color="#31688e", markersize=4)
        axes.set(xlabel="sessions", ylabel=label, ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.savefig(path)

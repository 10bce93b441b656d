"""What a recogniser gains from decoding several sessions' utterances together, under as much load as it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from ...models.base import HEARING_RATE_HZ, Recognizer, Samples

SIZES = (1, 2, 4, 8)
ROUNDS = 3
CALLS = 16
"""At the same time, so that there is always a batch that waits."""


async def curve(recognizers: Mapping[int, Recognizer], audio: Samples) -> dict[str, Any]:
    """Milliseconds an utterance, by size of the batch: medians of rounds in turn, after one that is not counted."""
    spent: dict[int, list[float]] = {size: [] for size in recognizers}
    for _ in range(ROUNDS + 1):
        for size, recognizer in recognizers.items():
            began = time.perf_counter()
            await asyncio.gather(*(recognizer.recognize(audio) for _ in range(CALLS)))
            spent[size].append((time.perf_counter() - began) / CALLS)
    found = {size: median(times[1:]) for size, times in spent.items()}
    alone = found[min(found)]
    rows = [
        {"batch": size, "ms": round(1000 * each, 1), "share": round(each / alone, 2)} for size, each in found.items()
    ]
    return {"seconds": round(len(audio) / HEARING_RATE_HZ, 2), "rows": rows}


def told(report: dict[str, Any]) -> str:
    head = f"recognition of {report['seconds']:g} s of speech, {CALLS} calls at a time\nbatch  ms each  of one alone"
    return "\n".join([head, *(f"{row['batch']:>5}  {row['ms']:>7}  {row['share']:>12.0%}" for row in report["rows"])])

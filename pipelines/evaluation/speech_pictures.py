"""A picture a tone: its pitch contours against the neutral ones. Needs matplotlib (extra `train`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .speech_measures import Voiceprint


def draw(path: Path, tone: str, pairs: Sequence[tuple[str, Voiceprint, Voiceprint]]) -> None:
    """One row a sentence: (text, neutral, toned). Raises ModuleNotFoundError where matplotlib is missing."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(len(pairs), 1, figsize=(10, 2.4 * len(pairs)), squeeze=False)
    for row, (text, neutral, toned) in zip(rows[:, 0], pairs, strict=True):
        for name, one, colour in (("neutral", neutral, "0.6"), (tone, toned, "C3")):
            contour = np.where(one.contour > 0, one.contour, np.nan)
            row.plot(
                np.arange(len(contour)) / 100, contour, ".", ms=3, color=colour, label=f"{name}, {one.level_db:.0f} dB"
            )
        row.set_yscale("log")
        row.set_ylim(70, 450)
        row.set_yticks([80, 120, 180, 270, 400], labels=["80", "120", "180", "270", "400"])
        row.minorticks_off()
        row.set_title(text, fontsize=9)
        row.legend(fontsize=8, loc="upper right")
    rows[-1, 0].set_xlabel("seconds (pitch in Hz)")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)

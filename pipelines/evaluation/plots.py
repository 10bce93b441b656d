"""Pictures of a cue report, in matplotlib (extra "train"): confusion, reliability, and how a speaker becomes known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import measures

Floats = NDArray[np.float32]


def draw(
    folder: Path, truth: NDArray[np.int_], probabilities: Floats, names: tuple[str, ...], figures: dict[str, Any]
) -> list[Path]:
    """Write the PNGs and give their paths; `probabilities` [n, K] with a column for each of `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if len(truth):
        written += [_confusion(folder, truth, probabilities, names), _reliability(folder, truth, probabilities)]
    if figures.get("cold_start"):
        written.append(_cold_start(folder, figures["cold_start"]))
    return written


def _confusion(folder: Path, truth: NDArray[np.int_], probabilities: Floats, names: tuple[str, ...]) -> Path:
    guess = probabilities.argmax(axis=1)
    table = np.zeros((len(names), len(names)))
    np.add.at(table, (truth, guess), 1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        axes.text(column, row, f"{shares[row, column]:.2f}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("heard")
    axes.set_ylabel("labelled")
    return _saved(figure, folder / "confusion.png")


def _reliability(folder: Path, truth: NDArray[np.int_], probabilities: Floats) -> Path:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    rows = measures.reliability(confidence, right)
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.plot([row[0] for row in rows], [row[1] for row in rows], marker="o")
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    axes.set_title(f"calibration error {measures.ece(confidence, right):.3f}")
    return _saved(figure, folder / "reliability.png")


def _cold_start(folder: Path, figures: dict[str, float]) -> Path:
    figure, axes = _figure()
    axes.plot(list(figures), list(figures.values()), marker="o")
    axes.set_xlabel("turn of the speaker")
    axes.set_ylabel("unweighted average recall")
    return _saved(figure, folder / "cold_start.png")


def _figure() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path

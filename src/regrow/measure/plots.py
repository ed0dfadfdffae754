"""Plots of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from regrow.files import atomic


def plot_training(rows: Sequence[dict[str, float]], path: Path, title: str) -> None:
    """Draw losses (log scale, left) and validation figures (right) over the steps of a training run.

    Args:
        rows: as in log.csv: `step` and any other columns; those that start with `val_` are figures.
        path: PNG to write.
        title: name of the run.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "norm"))
    for name in names:
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes = figures if name.startswith("val_") else losses
        axes.plot(*zip(*points, strict=True), label=name.removeprefix("val_"))
    losses.set(title=f"{title}: loss", xlabel="step", yscale="log")
    figures.set(title=f"{title}: held-out pictures", xlabel="step")
    for axes in (losses, figures):
        if axes.lines:
            axes.legend()
        axes.grid(alpha=0.3)
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=120)


def plot_lines(rows: Sequence[dict[str, Any]], across: str, up: str, by: str, path: Path) -> None:
    """Draw one column of a table against another, a panel for each `set` and a line for each value of `by`.

    Args:
        rows: tables' rows.
        across, up, by: names of columns.
        path: PNG to write.
    """
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure = Figure(figsize=(5 * len(sets), 4), layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False)[0]
    for panel, name in zip(panels, sets, strict=True):
        inside = sorted((row for row in rows if row["set"] == name), key=lambda row: (str(row[by]), row[across]))
        for label, line in groupby(inside, key=lambda row: row[by]):
            points = [(row[across], row[up]) for row in line]
            panel.plot(*zip(*points, strict=True), marker="o", label=str(label))
        panel.set(title=name, xlabel=across, ylabel=f"{up}, PSNR (dB)")
        panel.grid(alpha=0.3)
        if by != "set":
            panel.legend()
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=120)

"""The plot of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regrow.io.paths import atomic


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

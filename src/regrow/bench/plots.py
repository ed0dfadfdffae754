"""Plots of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import Any

from regrow.io.paths import atomic


def plot_lines(
    rows: Sequence[dict[str, Any]], across: str, up: str, by: str, path: Path, *, logarithmic: bool = False
) -> None:
    """Draw one column of a table against another, a panel for each `set` and a line for each value of `by`.

    Args:
        rows: tables' rows.
        across, up, by: names of columns.
        path: PNG to write.
        logarithmic: whether across is, from its smallest value above 0; below that, it is linear down to 0.
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
        least = min((row[across] for row in inside if row[across] > 0), default=0) if logarithmic else 0
        if least:
            panel.set_xscale("symlog", linthresh=least)
        panel.set(title=name, xlabel=across, ylabel=f"{up}, PSNR (dB)")
        panel.grid(alpha=0.3)
        if by != "set":
            panel.legend()
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=120)


def plot_points(
    rows: Sequence[dict[str, Any]],
    across: tuple[str, str],
    up: tuple[str, str],
    path: Path,
    *,
    logarithmic: bool = False,
    lines: Mapping[str, float] | None = None,
) -> None:
    """Draw a point for each model, named, and a panel for each `set`.

    Args:
        rows: tables' rows, with `set` and `model`; points that are not finite are left out.
        across, up: names of columns, and what is written beside the axes.
        path: PNG to write.
        logarithmic: whether across is; what has 0 there is drawn as a line.
        lines: what the originals have up, by set.
    """
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure = Figure(figsize=(5 * len(sets), 4), layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False)[0]
    for panel, name in zip(panels, sets, strict=True):
        if logarithmic:
            panel.set_xscale("log")
        for i, row in enumerate(row for row in rows if row["set"] == name):
            x, y = row[across[0]], row[up[0]]
            if not (isfinite(x) and isfinite(y)):
                continue
            color = f"C{i % 10}"
            if logarithmic and x <= 0:
                panel.axhline(y, color=color, linestyle="dotted", label=row["model"])
            else:
                panel.plot([x], [y], "o", color=color, label=row["model"])
        if lines and isfinite(lines[name]):
            panel.axhline(lines[name], color="grey", linestyle="dashed", label="originals")
        panel.set(title=name, xlabel=across[1], ylabel=up[1])
        panel.grid(alpha=0.3)
    named = {line.get_label(): line for panel in panels for line in panel.lines}
    if named:  # beside the panels, where no point can lie behind it
        figure.legend(named.values(), named.keys(), loc="outside right center", fontsize="small")
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=120)

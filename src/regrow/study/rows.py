"""Rows of the tables that studies make: as text, as CSV and as a plot."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from regrow.bench.plots import plot_lines, plot_points
from regrow.io.paths import atomic

Row = dict[str, Any]
Report = Callable[[str], None]
"""Told in words what is being worked on."""


def texts(row: Row, digits: int) -> dict[str, str]:
    """A row to be read: figures cut to some digits, but sigma, lambda and scale as they were asked for."""
    exact = ("sigma", "lambda", "scale")
    return {k: f"{v:.{15 if k in exact else digits}g}" if isinstance(v, float) else str(v) for k, v in row.items()}


def write_rows(study: str, rows: list[Row], out: Path) -> None:
    """Write STUDY.csv."""
    with atomic(out / f"{study}.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(texts(row, 6) for row in rows)


def write_plotted(study: str, rows: list[Row], out: Path) -> None:
    """Write STUDY.csv and, for one of `PLOTS`, STUDY.png."""
    write_rows(study, rows, out)
    PLOTS[study](rows, path=out / f"{study}.png")


def _plot_trade_off(rows: list[Row], path: Path) -> None:
    """Two lines over lambda: where they cross, the small picture is as near to its target as the regrown one."""
    both = "regrown and small"
    lines = [{**row, "picture": name, both: row[name]} for row in rows for name in ("rgb", "small")]
    plot_lines(lines, "lambda", both, "picture", path, logarithmic=True)


PLOTS: dict[str, Callable[..., None]] = {
    "noise": partial(plot_lines, across="sigma", up="rgb", by="model"),
    "lambda": _plot_trade_off,
    "scales": partial(plot_lines, across="scale", up="y", by="model"),
    "size": partial(plot_points, across=("grow_seconds", "seconds a megapixel to grow"), up=("rgb", "rgb, PSNR (dB)")),
}
"""How each study is drawn."""

"""Rows of the tables that studies make: as text, as CSV and as a plot."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regrow.bench.plots import plot_lines
from regrow.io.paths import atomic

Row = dict[str, Any]
Report = Callable[[str], None]
"""Told in words what is being worked on."""

AXES = {
    "noise": ("sigma", "rgb", "model"),
    "lambda": ("small", "rgb", "set"),
    "scales": ("scale", "y", "model"),
    "size": ("parameters", "rgb", "set"),
}
"""What each study's plot has across and up, and what its lines are."""


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
    """Write STUDY.csv and, for one of `AXES`, STUDY.png."""
    write_rows(study, rows, out)
    across, up, by = AXES[study]
    plot_lines(rows, across, up, by, out / f"{study}.png")

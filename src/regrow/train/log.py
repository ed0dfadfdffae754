"""The log of a training run."""

from __future__ import annotations

import csv
from pathlib import Path

from regrow.io.paths import atomic


class Log:
    """The CSV log: one row a step, the columns in the order they first appear.

    Rows after `start` are dropped: they belong to the part of an interrupted run that is done again.
    """

    def __init__(self, path: Path, start: int) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        if path.exists() and start:
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if int(row["step"]) <= start:
                        self.rows.append({k: float(v) for k, v in row.items() if v})

    def add(self, step: int, values: dict[str, float]) -> None:
        """Add values to the row of a step."""
        if not self.rows or self.rows[-1]["step"] != step:
            self.rows.append({"step": step})
        self.rows[-1].update(values)

    def write(self) -> None:
        """Write the file anew."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with atomic(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({k: f"{v:g}" if k == "step" else f"{v:.6g}" for k, v in row.items()} for row in self.rows)

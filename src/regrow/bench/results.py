"""Figures, whatever was measured: their record, their means, and the files they are kept in."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import isnan
from pathlib import Path
from typing import Any

import torch

from regrow import __version__
from regrow.errors import RegrowError
from regrow.io.paths import atomic
from regrow.metrics import fidelity as metrics

MEAN = "mean"
"""Stands for the name of the picture or clip in a mean."""
LARGEST = ("peak_mib",)
"""Figures of which a mean holds the largest."""
DIGITS = 4
"""Decimals that files keep of a figure."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What was measured of one model on one picture or clip, or the means over several; `result["rgb"]` is a figure."""

    of: Mapping[str, str]
    """What it is of, from the whole to the part: `set` and `picture`, or `clip` alone."""
    model: str
    settings: Mapping[str, str | int | bool]
    """What the figures depend on beside the model, such as `scale`: results that differ here are not averaged."""
    figures: Mapping[str, float]
    """By name. A PSNR is in dB, seconds are for each megapixel, `peak_mib` is the most memory the process held."""
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Figures that are a series of numbers, such as one for each frame; tables and files of results leave them out."""
    count: int = 1
    """Of how many pictures or frames the figures are the means."""

    def row(self) -> Row:
        """All but the curves and the count, by name, in order."""
        return {**self.of, "model": self.model, **self.settings, **self.figures}

    def __getitem__(self, name: str) -> Any:
        """A name, a setting or a figure."""
        return self.row()[name]


def means(results: Sequence[Result]) -> list[Result]:
    """One result for each set, model and setting, in the order they first appear: means, but the largest `peak_mib`.

    Clips are all of one set. Curves of different lengths are averaged as far as the shortest goes.
    """
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        key = (*list(result.of.values())[:-1], result.model, *result.settings.values())
        groups.setdefault(key, []).append(result)
    return [_mean(group) for group in groups.values()]


def _mean(group: list[Result]) -> Result:
    first = group[0]
    figures = {}
    for name in first.figures:
        every = [result.figures[name] for result in group]
        figures[name] = max(every) if name in LARGEST else sum(every) / len(every)
    curves = {
        name: tuple(sum(values) / len(values) for values in zip(*(r.curves[name] for r in group), strict=False))
        for name in first.curves
    }
    of = {**first.of, list(first.of)[-1]: MEAN}
    return Result(of, first.model, first.settings, figures, curves, sum(result.count for result in group))


def write(results: Sequence[Result], out: Path) -> None:
    """Write results.csv, every picture or clip, and results.json, which has the means and the versions too."""
    with atomic(out / "results.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(results[0].row()))
        writer.writeheader()
        writer.writerows(_rounded(result.row()) for result in results)
    table = {
        **_versions(),
        "means": [_rounded(result.row()) for result in means(results)],
        f"{list(results[0].of)[-1]}s": [_rounded(result.row()) for result in results],
    }
    with atomic(out / "results.json") as part:
        part.write_text(json.dumps(metrics.for_json(table), indent=1) + "\n", encoding="utf-8")


def summary_rows(results: Sequence[Result]) -> list[Row]:
    """The rows of a summary: means for each set and model, with the `count` of pictures; of clips all, and the mean."""
    kept = means(results)
    if len(kept[0].of) == 1:
        return [_counted(result.row(), result.count) for result in (*results, *kept)]
    part = list(kept[0].of)[-1]
    return [_counted({k: v for k, v in r.row().items() if k != part}, r.count) for r in kept]


def _counted(row: Row, count: int) -> Row:
    """A row with the count after the name of the model."""
    items = list(row.items())
    after = list(row).index("model") + 1
    return dict([*items[:after], ("count", count), *items[after:]])


@dataclass(frozen=True)
class Summary:
    """Means of one run and the command that measured them: what this repository keeps below `benchmarks/results`."""

    command: str
    """As it is written in a shell, in the root of the repository; DATA is the folder of benchmark sets."""
    date: str
    """ISO 8601, of the day it was measured."""
    versions: Mapping[str, Any]
    """Of regrow and torch, the machine, and the threads that were used."""
    rows: Sequence[Row]
    """Names, settings and figures by column; every row has the same columns."""

    def write(self, path: Path) -> None:
        """Write it as JSON, a line for each row."""
        columns = list(self.rows[0])
        head = {"command": self.command, "date": self.date, **self.versions, "columns": columns}
        lines = [json.dumps(metrics.for_json(list(_rounded(row).values()))) for row in self.rows]
        text = json.dumps(head, indent=1).removesuffix("\n}") + ',\n "rows": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
        text = text.replace(json.dumps(columns, indent=1).replace("\n", "\n "), json.dumps(columns))
        with atomic(path) as part:
            part.write_text(text, encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Summary:
        """A summary that was written. RegrowError where it is none."""
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            columns = read.pop("columns")
            rows = [
                {name: _number(value) for name, value in zip(columns, row, strict=True)} for row in read.pop("rows")
            ]
            return Summary(read.pop("command"), read.pop("date"), read, rows)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegrowError(f"{path}: is no summary of a benchmark: {error!r}") from None


def summary(rows: Sequence[Row], command: str) -> Summary:
    """A summary of what was measured today, here."""
    return Summary(command, datetime.now(timezone.utc).date().isoformat(), _versions(), rows)


def _number(value: Any) -> Any:
    """What JSON has no number for is kept as its name."""
    return float(value) if value in ("inf", "-inf", "nan") else value


def _versions() -> dict[str, Any]:
    return {
        "regrow": __version__,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def _rounded(row: Row) -> Row:
    return {k: round(v, DIGITS) if isinstance(v, float) and not isnan(v) else v for k, v in row.items()}

"""The driver of all benchmarks: sets, models, the loop over them, and the table and files of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Generic

from regrow.bench.benchmark import Benchmark, Item, Net, Report, no_report
from regrow.bench.pictures import labels
from regrow.bench.results import Result, write
from regrow.bench.table import lines


class Run(Generic[Item, Net]):
    """Sets and models that are there and ready to be measured.

    Args:
        benchmark: the task with its settings.
        folders: one set, or one clip, each.
        models: by the names that the task takes; each counts once.

    Raises:
        UsageError: a folder with nothing to measure, or no such model.
    """

    def __init__(self, benchmark: Benchmark[Item, Net], folders: Sequence[Path], models: Sequence[str]) -> None:
        self.benchmark, self.folders, self.models = benchmark, list(dict.fromkeys(folders)), list(dict.fromkeys(models))
        for folder in self.folders:
            benchmark.items(folder, self.models)  # an error before anything is loaded
        names = labels(self.models)
        self.nets = dict(zip(map(names.__getitem__, self.models), benchmark.load(self.models), strict=True))

    def results(self, report: Report = no_report) -> Iterator[Result]:
        """A result for each item and model, when it is there; whoever is interrupted has those before.

        Raises:
            RegrowError: an item cannot be read or measured.
        """
        names = labels([str(folder) for folder in self.folders])
        for folder in self.folders:
            for item in self.benchmark.items(folder, self.models):
                yield from self.benchmark.measure(names[str(folder)], item, self.nets, report)

    def write(self, results: Sequence[Result], out: Path) -> None:
        """Write results.csv, results.json, sheet.png and what else the task has."""
        write(results, out)
        self.sheet(out / "sheet.png")
        self.benchmark.write_more(results, out)

    def sheet(self, path: Path) -> None:
        """Draw the before/after sheet, of the first items of each folder."""
        rows = [
            self.benchmark.sheet_row(folder.name, item, self.nets)
            for folder in self.folders
            for item in islice(self.benchmark.items(folder, self.models), self.benchmark.shown)
        ]
        self.benchmark.write_sheet(rows, path)


def bench(
    benchmark: Benchmark[Item, Net], folders: Sequence[Path], models: Sequence[str], *, report: Report = no_report
) -> list[Result]:
    """Measure models on sets of pictures or clips: `Run.results` as a list."""
    return list(Run(benchmark, folders, models).results(report))


def table(benchmark: Benchmark[Item, Net], results: Sequence[Result]) -> Iterator[str]:
    """The results of a task as aligned lines of text."""
    return lines(benchmark.columns, (result.row() for result in benchmark.table_of(results)))

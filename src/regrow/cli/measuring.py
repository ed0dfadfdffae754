"""Benchmarks and studies with progress on stderr, their tables on stdout, and their files."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from regrow.cli.app import require
from regrow.cli.bars import console
from regrow.errors import UsageError

Words = Callable[[str], None]


def benchmark(task: str, given: dict[str, Any], *, device: str, tile: int | None, plots: bool) -> Any:
    """The `Task` of a name with the options that were given, its field `scale` always among them if it has one.

    Args:
        task: its module in `regrow.bench.tasks`.
        given: options by name, without those that were left out.
        device, tile: as for `regrow.shrink`; the tile is left out where a task has none.
        plots: whether its plots are asked for.

    Raises:
        UsageError: an option is not for this task. RegrowError: it needs a package that is not installed.
    """
    from regrow.bench import tasks
    from regrow.operations.rescalers import asked_scale

    takes = {name: {field.name for field in fields(tasks.get(name))} for name in tasks.NAMES}
    for option in given:
        if option not in takes[task]:
            others = " and ".join(name for name in tasks.NAMES if option in takes[name])
            flag = f"--{option.replace('_', '-')}"
            raise UsageError(f"{flag} is for --task {others}, not for --task {task}; leave it out, or say the task")
    kind = tasks.get(task)
    for package, extra in kind.needs.items():
        require(f"--task {task}", package, extra=extra)
    if plots and kind.plots:
        require(f"drawing the plots of --task {task}", "matplotlib")
    options = {**given, "device": device}
    if "scale" in takes[task]:
        options["scale"] = asked_scale(given.get("scale"), grey=given.get("grey", False))
    if "tile" in takes[task]:
        options["tile"] = tile
    return kind(**options)


def bench(task: Any, folders: list[Path], models: list[str] | None, *, out: Path | None, summary: Path | None) -> None:
    """Measure with progress on stderr, print the table on stdout, and write the files that are asked for.

    Whoever interrupts it gets the table of what was measured until then.

    Args:
        task: a `regrow.bench.benchmark.Benchmark`.
        folders: one set of pictures, or one clip, each.
        models: by name; those that the task takes by default where none is named.
        out: folder for results.csv, results.json, sheet.png and what else the task has.
        summary: file for the means and the command.
    """
    from regrow.bench.driver import Run, table

    results: list[Any] = []
    with words() as say:
        run = Run(task, folders, models or task.default_models())
        try:
            for result in run.results(lambda p: say(f"{p.set}/{p.picture} {p.model} {p.rgb:.2f} dB")):
                results.append(result)
        except KeyboardInterrupt:
            if results:
                print("\n".join(table(task, results)))
            raise
        if out:
            run.write(results, out)
    if summary:
        _write_summary(task.summary(results), summary)
    print("\n".join(table(task, results)))


def _write_summary(rows: list[dict[str, Any]], path: Path) -> None:
    from regrow.bench.results import summary

    summary(rows, shlex.join(["regrow", *sys.argv[1:]])).write(path)


def study_of(name: str, out: Path, summary: Path | None, work: Callable[[Words], list[dict[str, Any]]]) -> None:
    """Run a study of `regrow.study.rescaling`, print its rows, plot them and write them as CSV and, if asked, summary.

    `work` is called with what shows a line of words while it lasts, and gives the rows.
    """
    from regrow.study.rows import write_plotted

    with words() as report:
        rows = work(report)
    write_plotted(name, rows, out)
    if summary:
        _write_summary(rows, summary)
    print_rows(rows)


def study_checkerboard(models: list[str], out: Path, *, scale: tuple[float, float], seeds: int, device: str) -> None:
    """The same for `regrow.study.checkerboard`, with its picture."""
    from regrow.study import checkerboard
    from regrow.study.rows import write_rows

    with words() as report:
        rows = checkerboard.checkerboard(models, scale=scale, seeds=seeds, device=device, report=report)
        checkerboard.sheet(models, out / "checkerboard.png", scale=scale, device=device)
    write_rows("checkerboard", rows, out)
    print_rows(rows)


def make_opinion(folders: list[Path], out: Path, *, real: Path | None, seed: int | None) -> None:
    """Make a blind set with progress on stderr, and print where its page is."""
    from regrow.study import opinion

    with words() as report:
        page = opinion.make(folders, out, real=real, seed=seed, report=report)
    print(page)


def score_opinion(key: Path, files: list[Path], out: Path) -> None:
    """Print scores and write them as opinion.csv."""
    from regrow.study import answers
    from regrow.study.rows import write_rows

    rows = answers.scores(key, files)
    write_rows("opinion", rows, out)
    print_rows(rows)


@contextmanager
def words() -> Iterator[Words]:
    """What shows a line of words on stderr while work lasts."""
    columns = TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("")
        yield lambda words: progress.update(bar, description=words)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """The rows of a table, aligned."""
    from regrow.study.rows import texts

    cells = [texts(row, 4) for row in rows]
    wide = {name: max(len(name), *(len(row[name]) for row in cells)) for name in cells[0]}
    for row in ({name: name for name in wide}, *cells):
        print(" ".join(row[name].rjust(width) for name, width in wide.items()))

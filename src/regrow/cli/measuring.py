"""Benchmarks and studies with progress on stderr, their tables on stdout, and their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from regrow.cli.running import console


def bench(
    folders: list[Path],
    models: list[str] | None,
    *,
    scale: tuple[float, float],
    grey: bool,
    refine: int,
    out: Path | None,
    device: str,
    tile: int | None,
) -> None:
    """Measure with progress on stderr, print the means, and write results.csv, results.json and sheet.png if asked."""
    from regrow.bench import rescale as benchmark
    from regrow.operations.rescalers import default_model
    from regrow.operations.restorers import BICUBIC

    names = models or [BICUBIC, default_model(scale, grey=grey)]
    options: dict[str, Any] = {"scale": scale, "grey": grey, "refine": refine, "device": device, "tile": tile}
    _bench(benchmark, folders, names, out, options)


def bench_colors(
    folders: list[Path], models: list[str] | None, *, temperature: float | None, out: Path | None, device: str
) -> None:
    """The same for colorizers."""
    from regrow.bench import colorize as benchmark
    from regrow.operations.restorers import COLORIZER

    names = models or [benchmark.GREY, COLORIZER]
    options: dict[str, Any] = {"temperature": temperature, "device": device}
    results = _bench(benchmark, folders, names, out, options)
    if out:
        benchmark.write_curves(results, out / "accuracy.csv")


def bench_upscalers(
    folders: list[Path],
    models: list[str] | None,
    *,
    scale: tuple[float, float],
    ensemble: bool,
    out: Path | None,
    device: str,
    tile: int | None,
) -> None:
    """The same for models that enlarge, with accuracy.png, against cost, and perception.png."""
    from regrow.bench import upscale as benchmark

    names = models or benchmark.default_models(scale)
    options: dict[str, Any] = {"scale": scale, "ensemble": ensemble, "device": device, "tile": tile}
    results = _bench(benchmark, folders, names, out, options)
    if out:
        benchmark.write_plots(results, out)


def bench_clips(
    folders: list[Path],
    models: list[str] | None,
    *,
    scale: tuple[float, float],
    skip_frames: int,
    out: Path | None,
    device: str,
    tile: int | None,
) -> None:
    """The same for clips, with the PSNR of every frame in frames.csv and psnr.png."""
    from regrow.bench import video as benchmark
    from regrow.operations.rescalers import default_model
    from regrow.operations.restorers import BICUBIC

    names = models or list(dict.fromkeys((BICUBIC, default_model(scale), default_model(scale, groups=True))))
    options: dict[str, Any] = {"scale": scale, "skip_frames": skip_frames, "device": device, "tile": tile}
    results = _bench(benchmark, folders, names, out, options, over="clip")
    if out:
        benchmark.write_frames(results, out)


def _bench(
    benchmark: Any,
    folders: list[Path],
    names: list[str],
    out: Path | None,
    options: dict[str, Any],
    over: str = "picture",
) -> Any:
    """The results of a module's `bench`, written as files if asked and printed as its `table`."""
    from regrow.bench.results import write

    columns = TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("measuring")

        def report(result: Any) -> None:
            progress.update(bar, description=f"{result.set}/{result.picture} {result.model} {result.rgb:.2f} dB")

        results = benchmark.bench(folders, names, **options, report=report)
        if out:
            write(results, out, over)
            benchmark.sheet(folders, names, out / "sheet.png", **options)
    print("\n".join(benchmark.table(results)))
    return results


def study_of(name: str, out: Path, work: Callable[[Callable[[str], None]], list[dict[str, Any]]]) -> None:
    """Run a study of `regrow.study.rescaling`, print its rows and write them as CSV and plot.

    `work` is called with what shows a line of words while it lasts, and gives the rows.
    """
    from regrow.study import rescaling as study

    with _words() as report:
        rows = work(report)
    study.write(name, rows, out)
    print_rows(rows)


def study_checkerboard(models: list[str], out: Path, *, scale: tuple[float, float], seeds: int, device: str) -> None:
    """The same for `regrow.study.checkerboard`, with its picture."""
    from regrow.study import checkerboard
    from regrow.study import rescaling as study

    with _words() as report:
        rows = checkerboard.checkerboard(models, scale=scale, seeds=seeds, device=device, report=report)
        checkerboard.sheet(models, out / "checkerboard.png", scale=scale, device=device)
    study.write_rows("checkerboard", rows, out)
    print_rows(rows)


def make_opinion(folders: list[Path], out: Path, *, real: Path | None, seed: int | None) -> None:
    """Make a blind set with progress on stderr, and print where its page is."""
    from regrow.study import opinion

    with _words() as report:
        page = opinion.make(folders, out, real=real, seed=seed, report=report)
    print(page)


def score_opinion(key: Path, files: list[Path], out: Path) -> None:
    """Print scores and write them as opinion.csv."""
    from regrow.study import answers
    from regrow.study import rescaling as study

    rows = answers.scores(key, files)
    study.write_rows("opinion", rows, out)
    print_rows(rows)


@contextmanager
def _words() -> Iterator[Callable[[str], None]]:
    """What shows a line of words on stderr while work lasts."""
    columns = TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("")
        yield lambda words: progress.update(bar, description=words)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """The rows of a table, aligned."""
    from regrow.study import rescaling as study

    texts = [study.texts(row, 4) for row in rows]
    wide = {name: max(len(name), *(len(row[name]) for row in texts)) for name in texts[0]}
    for row in ({name: name for name in wide}, *texts):
        print(" ".join(row[name].rjust(width) for name, width in wide.items()))

"""Between the command line and the verbs: batches with progress, streams, and results as words or JSON."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from regrow import batch, zoo
from regrow.batch import STDIO, Job
from regrow.errors import RegrowError, UsageError
from regrow.formats import FORMATS, get_format
from regrow.video.encoding import CONTAINERS
from regrow.video.options import Video
from regrow.video.sinks import exists
from regrow.video.source import begins_clip, is_clip

if TYPE_CHECKING:
    from regrow.chain import Chain
    from regrow.passport import Passport

Report = Callable[[int, int], None]

console = Console(stderr=True, highlight=False, soft_wrap=True)


def suffix_for(format: str | None, *, small: bool = False) -> Callable[[str], str]:
    """The suffix of a result in a folder.

    Of a picture the format's, else the source's where that is lossless, else .png; of a clip .mkv where it is small,
    else the source's where that can be written, else .mkv.
    """
    kept = {suffix for form in FORMATS.values() if form.lossless for suffix in form.suffixes}
    chosen = get_format(format).suffixes[0] if format else None

    def suffix(source: str) -> str:
        own = Path(source).suffix.lower()
        if is_clip(source):
            return own if own in CONTAINERS and not small else ".mkv"
        return chosen or (own if own in kept else ".png")

    return suffix


def streams(job: Job, format: str | None) -> tuple[Any, Any, str | None]:
    """What a verb takes for a job, and the format of its result.

    Paths; of standard input the bytes or, where it is a clip, the file; the file of standard output, which gets PNG
    where it is a picture and nothing else is asked for.
    """
    if job.target == STDIO and sys.stdout.isatty():
        raise UsageError("a picture will not be written to a terminal; redirect it, or name a file with -o")
    source: Any = job.source
    if job.source == STDIO:
        stream = sys.stdin.buffer
        clip = begins_clip(stream.peek(16)[:16] if isinstance(stream, io.BufferedReader) else b"")
        source = stream if clip else stream.read()
    target = sys.stdout.buffer if job.target == STDIO else job.target
    if job.target == STDIO and not is_clip(source, target):
        format = format or "png"
    return source, target, format


class Speed(ProgressColumn):
    """Frames a second, of clips."""

    def render(self, task: Task) -> Text:
        """Of one bar."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} frames/s" if task.fields.get("clip") and speed else "")


def parse_scale(text: str | None) -> tuple[float, float] | None:
    """(width, height) from words such as 2, 2.7 or 2x1."""
    if text is None:
        return None
    number = r"(\d{1,3}(?:\.\d{1,6})?)"
    match = re.fullmatch(f"{number}(?:x{number})?", text)
    if not match:
        raise UsageError(f"--scale {text}: expected how many times smaller, such as 2, 2.7 or 2x1 (WIDTHxHEIGHT)")
    return float(match[1]), float(match[2] or match[1])


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from words such as 641x427."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 641x427")
    return int(match[1]), int(match[2])


def run_batch(
    verb: str,
    jobs: list[Job],
    work: Callable[[Job, Report], None],
    done: Callable[[Job], bool],
    *,
    threads: int,
    force: bool,
    dry_run: bool,
) -> None:
    """Do the jobs with progress on stderr, print what was written on stdout, and fail at the end if any failed.

    A target that exists is passed over when it is what the job would write, and otherwise an error unless `force`.
    """
    if dry_run:
        for job in jobs:
            state = "" if force or not exists(job.target) else " (exists)"
            print(f"{job.source} -> {job.target}{state}")
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        Speed(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    lock = threading.Lock()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        overall = progress.add_task(f"{verb} {len(jobs)} pictures", total=len(jobs), visible=len(jobs) > 1)

        def one(job: Job) -> None:
            bar = progress.add_task(Path(job.source).name, total=None, clip=is_clip(job.source, job.target))
            try:
                if not force and job.target != STDIO and exists(job.target):
                    if not done(job):
                        raise RegrowError(f"{job.target}: exists and is something else; --force overwrites it")
                    console.print(f"{job.target}: is done already", markup=False)
                else:
                    work(job, lambda rows, height: progress.update(bar, completed=rows, total=height))
                if job.target != STDIO:
                    with lock:
                        print(job.target, flush=True)
            except RegrowError as error:
                if len(jobs) > 1:
                    console.print(f"failed: {error}", markup=False)
                raise
            finally:
                progress.remove_task(bar)
                progress.advance(overall)

        failed = batch.run(jobs, one, threads=threads)
    if len(jobs) == 1 and failed:
        raise failed[0][1]
    if failed:
        names = "\n  ".join(str(error) for _, error in failed)
        raise RegrowError(f"{len(failed)} of {len(jobs)} pictures failed:\n  {names}")


def run_chain(
    verb: str,
    jobs: list[Job],
    chain: Chain,
    *,
    format: str | None,
    video: Video,
    threads: int,
    force: bool,
    dry_run: bool,
) -> None:
    """Take pictures and clips through a chain of restorers."""
    from regrow.done import is_restored
    from regrow.restoration import restore_file

    def work(job: Job, report: Report) -> None:
        source, target, form = streams(job, format)
        restore_file(source, target, chain, format=form, video=video, report=report)

    def done(job: Job) -> bool:
        return is_restored(job.source, job.target, chain)

    if not dry_run:
        chain.check()
    run_batch(verb, jobs, work, done, threads=threads, force=force, dry_run=dry_run)


def print_comparison(figures: dict[str, dict[str, dict[str, float]]], *, as_json: bool) -> None:
    """One pair of pictures a line, PSNR in dB and SSIM under each protocol, or JSON."""
    from regrow.measure.metrics import for_json

    width = max(map(len, [*figures, "picture"]))
    lines = [f"{'picture':{width}} {'rgb dB':>8} {'SSIM':>7} {'y dB':>8} {'SSIM':>7}"]
    for name, by_protocol in figures.items():
        rgb, y = by_protocol["rgb"], by_protocol["y"]
        lines.append(f"{name:{width}} {rgb['psnr']:8.2f} {rgb['ssim']:7.4f} {y['psnr']:8.2f} {y['ssim']:7.4f}")
    _print(for_json(figures), lines, as_json=as_json)


def print_info(passport: Passport | None, steps: str | None, *, as_json: bool) -> None:
    """The fields of a passport, and how a picture was restored, a line each, or JSON."""
    said = {} if passport is None else asdict(passport)
    fields = {k: f"{len(v)} bytes" if isinstance(v, bytes) else v for k, v in said.items() if v is not None}
    if steps is not None:
        fields["restored"] = steps
    _print(fields, [f"{name:12} {value}" for name, value in fields.items()], as_json=as_json)


def print_models(names: list[str], *, as_json: bool) -> None:
    """One model a line and what it does, or JSON with its settings."""
    width = max(map(len, names))
    lines = [f"{name:{width}}  {zoo.summary(name)}" for name in names]
    _print({name: {"summary": zoo.summary(name), **zoo.config(name)} for name in names}, lines, as_json=as_json)


def run_bench(
    folders: list[Path],
    models: list[str] | None,
    *,
    scale: tuple[float, float],
    grey: bool,
    refine: int,
    out: Path | None,
    device: str,
    tile: int,
) -> None:
    """Measure with progress on stderr, print the means, and write results.csv, results.json and sheet.png if asked."""
    from regrow.measure import benchmark
    from regrow.rescaling import default_model

    names = models or [benchmark.BICUBIC, default_model(scale, grey=grey)]
    options: dict[str, Any] = {"scale": scale, "grey": grey, "refine": refine, "device": device, "tile": tile}
    _bench(benchmark, folders, names, out, options)


def run_color_bench(
    folders: list[Path], models: list[str] | None, *, temperature: float | None, out: Path | None, device: str
) -> None:
    """The same for colorizers."""
    from regrow.measure import color_benchmark as benchmark
    from regrow.restoration import COLORIZER

    names = models or [benchmark.GREY, COLORIZER]
    options: dict[str, Any] = {"temperature": temperature, "device": device}
    results = _bench(benchmark, folders, names, out, options)
    if out:
        benchmark.write_curves(results, out / "accuracy.csv")


def run_video_bench(
    folders: list[Path],
    models: list[str] | None,
    *,
    scale: tuple[float, float],
    skip_frames: int,
    out: Path | None,
    device: str,
    tile: int,
) -> None:
    """The same for clips, with the PSNR of every frame in frames.csv and psnr.png."""
    from regrow.measure import video_benchmark as benchmark
    from regrow.measure.benchmark import BICUBIC
    from regrow.rescaling import default_model

    names = models or [BICUBIC, default_model(scale)]
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
    from regrow.measure.results import write

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


def run_study(name: str, out: Path, work: Callable[[Callable[[str], None]], list[dict[str, Any]]]) -> None:
    """Run a study of `regrow.measure.study`, print its rows and write them as CSV and plot.

    `work` is called with what shows a line of words while it lasts, and gives the rows.
    """
    from regrow.measure import study

    columns = TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("")
        rows = work(lambda words: progress.update(bar, description=words))
    study.write(name, rows, out)
    texts = [study.texts(row, 4) for row in rows]
    wide = {name: max(len(name), *(len(row[name]) for row in texts)) for name in texts[0]}
    for row in ({name: name for name in wide}, *texts):
        print(" ".join(row[name].rjust(width) for name, width in wide.items()))


def _print(values: Any, lines: list[str], *, as_json: bool) -> None:
    print(json.dumps(values, indent=2) if as_json else "\n".join(lines))

"""Batches with progress on stderr, and standard streams."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
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

from regrow.cli.groups import Clips, Output, Reading
from regrow.errors import RegrowError, UsageError
from regrow.io.paths import STDIO
from regrow.progress import Report
from regrow.runners import batch
from regrow.runners.batch import Job
from regrow.runners.dispatch import apply, runner
from regrow.runners.resume import is_done
from regrow.video.sinks import exists
from regrow.video.source import begins_clip

if TYPE_CHECKING:
    from regrow.operations.plan import Operation

console = Console(stderr=True, highlight=False, soft_wrap=True)


def streams(job: Job, format: str | None) -> tuple[Any, Any, str | None]:
    """What `apply` takes for a job, and the format of its result.

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
    if job.target == STDIO and runner(source, target).UNIT == "rows":
        format = format or "png"
    return source, target, format


class Speed(ProgressColumn):
    """Frames a second, of clips."""

    def render(self, task: Task) -> Text:
        """Of one bar."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} frames/s" if task.fields.get("unit") == "frames" and speed else "")


class Bar:
    """The report of one job to its bar: how far it is, and words beside."""

    def __init__(self, progress: Progress, name: str, *, unit: str) -> None:
        self.progress, self.task = progress, progress.add_task(name, total=None, unit=unit, words="")

    def __call__(self, done: int, total: int) -> None:
        """As a `Report`."""
        self.progress.update(self.task, completed=done, total=total)

    def say(self, words: str) -> None:
        """For `regrow.progress.said`."""
        self.progress.update(self.task, words=words)


COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TaskProgressColumn(),
    Speed(),
    TimeElapsedColumn(),
    TimeRemainingColumn(elapsed_when_finished=True),
    TextColumn("{task.fields[words]}", markup=False),
)


def run(
    operation: Operation, inputs: list[str], out: str, output: Output, clips: Clips, reading: Reading, *, threads: int
) -> None:
    """Do an operation to pictures and clips, which are mirrored below `out` where that is a folder."""
    video = clips.video()
    jobs = batch.plan(inputs, out, lambda source: runner(source).suffix(source, operation, output.format))
    if not output.dry_run:
        operation.check()

    def work(job: Job, report: Report) -> None:
        source, target, format = streams(job, output.format)
        with reading.applied():
            apply(operation, source, target, format=format, video=video, report=report)

    def done(job: Job) -> bool:
        with reading.applied():
            return is_done(operation, job.source, job.target)

    work_through(operation.verb, jobs, work, done, output, threads=threads)


def work_through(
    verb: str,
    jobs: list[Job],
    work: Callable[[Job, Report], None],
    done: Callable[[Job], bool],
    output: Output,
    *,
    threads: int,
) -> None:
    """Do the jobs with progress on stderr, print what was written on stdout, and fail at the end if any failed.

    A target that exists is passed over when it is what the job would write, and otherwise an error unless forced.
    """
    if output.dry_run:
        for job in jobs:
            state = "" if output.force or not exists(job.target) else " (exists)"
            print(f"{job.source} -> {job.target}{state}")
        return
    lock = threading.Lock()
    with Progress(*COLUMNS, console=console, transient=True, disable=not console.is_terminal) as progress:
        overall = progress.add_task(f"{verb} {len(jobs)} pictures", total=len(jobs), visible=len(jobs) > 1, words="")

        def one(job: Job) -> None:
            bar = Bar(progress, Path(job.source).name, unit=runner(job.source, job.target).UNIT)
            try:
                if not output.force and job.target != STDIO and exists(job.target):
                    if not done(job):
                        raise RegrowError(f"{job.target}: exists and is something else; --force overwrites it")
                    console.print(f"{job.target}: is done already", markup=False)
                else:
                    work(job, bar)
                if job.target != STDIO:
                    with lock:
                        print(job.target, flush=True)
            except RegrowError as error:
                if len(jobs) > 1:
                    console.print(f"failed: {error}", markup=False)
                raise
            finally:
                progress.remove_task(bar.task)
                progress.advance(overall)

        failed = batch.run(jobs, one, threads=threads)
    if len(jobs) == 1 and failed:
        raise failed[0][1]
    if failed:
        names = "\n  ".join(str(error) for _, error in failed)
        raise RegrowError(f"{len(failed)} of {len(jobs)} pictures failed:\n  {names}")

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

from regrow.errors import RegrowError, UsageError
from regrow.io.formats import FORMATS, get_format
from regrow.runners import batch
from regrow.runners.batch import STDIO, Job
from regrow.video.encoding import CONTAINERS
from regrow.video.options import Video
from regrow.video.sinks import exists
from regrow.video.source import begins_clip, is_clip

if TYPE_CHECKING:
    from regrow.operations.restoration import Restoration

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


class Bar:
    """The report of one job to its bar: how far it is, and words beside."""

    def __init__(self, progress: Progress, name: str, *, clip: bool) -> None:
        self.progress, self.task = progress, progress.add_task(name, total=None, clip=clip, words="")

    def __call__(self, done: int, total: int) -> None:
        """As a `Report`."""
        self.progress.update(self.task, completed=done, total=total)

    def say(self, words: str) -> None:
        """For `regrow.progress.said`."""
        self.progress.update(self.task, words=words)


def run(
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
        TextColumn("{task.fields[words]}", markup=False),
    )
    lock = threading.Lock()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        overall = progress.add_task(f"{verb} {len(jobs)} pictures", total=len(jobs), visible=len(jobs) > 1, words="")

        def one(job: Job) -> None:
            bar = Bar(progress, Path(job.source).name, clip=is_clip(job.source, job.target))
            try:
                if not force and job.target != STDIO and exists(job.target):
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


def restore(
    verb: str,
    jobs: list[Job],
    chain: Restoration,
    *,
    format: str | None,
    video: Video,
    threads: int,
    force: bool,
    dry_run: bool,
) -> None:
    """Take pictures and clips through a chain of restorers, or what is like one."""
    from regrow.operations.restoration import restore_file
    from regrow.runners.resume import is_restored

    def work(job: Job, report: Report) -> None:
        source, target, form = streams(job, format)
        restore_file(source, target, chain, format=form, video=video, report=report)

    def done(job: Job) -> bool:
        return is_restored(job.source, job.target, chain)

    if not dry_run:
        chain.check()
    run(verb, jobs, work, done, threads=threads, force=force, dry_run=dry_run)

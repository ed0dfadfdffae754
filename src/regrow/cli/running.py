"""Batches: jobs done with progress on stderr and results on stdout, and what is told in the end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from regrow.cli.bars import COLUMNS, Bar, console, note
from regrow.cli.groups import Clips, Output, Reading
from regrow.cli.interrupts import tell, telling
from regrow.cli.streams import standard_input
from regrow.errors import BestSoFar, RegrowError, UsageError, printable, worded
from regrow.io.paths import STDIO
from regrow.io.search import Passed
from regrow.progress import Report
from regrow.runners import batch
from regrow.runners.batch import Job
from regrow.runners.dispatch import apply, runner
from regrow.runners.resume import State, state_of
from regrow.video.sinks import exists

if TYPE_CHECKING:
    from regrow.operations.plan import Operation

SHOWN = 10
"""How many files that are no pictures are named."""


def streams(job: Job, format: str | None) -> tuple[Any, Any, str | None]:
    """What `apply` takes for a job, and the format of its result.

    Paths; of standard input the bytes or, where it is a clip, the file; the file of standard output, which gets PNG
    where it is a picture and nothing else is asked for.
    """
    if job.target == STDIO and sys.stdout.isatty():
        raise UsageError("a picture will not be written to a terminal; redirect it, or name a file with -o")
    source: Any = standard_input() if job.source == STDIO else job.source
    target = sys.stdout.buffer if job.target == STDIO else job.target
    if job.target == STDIO and runner(source, target).UNIT == "rows":
        format = format or "png"
    return source, target, format


def run(
    operation: Operation, inputs: list[str], out: str, output: Output, clips: Clips, reading: Reading, *, threads: int
) -> None:
    """Do an operation to pictures and clips, which are mirrored below `out` where that is a folder."""
    video = clips.video()
    passed: list[Passed] = []
    jobs = batch.plan(
        inputs, out, lambda source: runner(source).suffix(source, operation, output.format), passed=passed
    )
    if not output.dry_run:
        operation.check()

    def work(job: Job, report: Report) -> None:
        source, target, format = streams(job, output.format)
        with reading.applied():
            apply(operation, source, target, format=format, video=video, report=report)

    def state(job: Job) -> State:
        with reading.applied():
            return state_of(operation, job.source, job.target, look=len(jobs) == 1)

    work_through(operation.verb, jobs, work, state, output, threads=threads, passed=passed)


def work_through(
    verb: str,
    jobs: list[Job],
    work: Callable[[Job, Report], None],
    state: Callable[[Job], State],
    output: Output,
    *,
    threads: int,
    passed: list[Passed] | None = None,
) -> None:
    """Do the jobs with progress on stderr, print what was written on stdout, and fail at the end if any failed.

    A target that exists is passed over when it is what the job would write, and otherwise an error unless forced.

    Args:
        verb: what is done.
        jobs: what is done it to.
        work: does a job.
        state: what a target that exists is.
        output: what is asked for.
        threads: jobs in work at the same time.
        passed: what was passed over when inputs were looked for.
    """
    given = Batch(verb, jobs, work, state, output, passed or [])
    if output.dry_run:
        given.show()
    else:
        with telling(given.interrupted):
            given.do(threads)


@dataclass
class Batch:
    """Jobs, and what has become of them; the arguments are those of `work_through`."""

    verb: str
    jobs: list[Job]
    work: Callable[[Job, Report], None]
    state: Callable[[Job], State]
    output: Output
    passed: list[Passed]
    finished: int = 0
    best: bool = False
    """Whether what was interrupted has left the best it had."""
    bar: Bar | None = None
    """Of the job that was begun last."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    def show(self) -> None:
        """What would be done, without doing it."""
        for job in self.jobs:
            words = ""
            if not self.output.force and self._is_there(job):
                words = f" ({self.state(job).value})"
            print(f"{_shown(job.source)} -> {_shown(job.target)}{words}")
        self._tell_passed(self.passed)

    def do(self, threads: int) -> None:
        """Do it. RegrowError where anything failed."""
        many = len(self.jobs)
        try:
            with Progress(*COLUMNS, console=console, transient=True, disable=not console.is_terminal) as progress:
                overall = progress.add_task(f"{self.verb} {many} pictures", total=many, visible=many > 1, words="")

                def one(job: Job) -> None:
                    self._one(job, progress)
                    progress.advance(overall)

                failed = batch.run(self.jobs, one, threads=threads, stopped=self.stopped)
        except BestSoFar:
            self.best = True
            raise
        except BrokenPipeError:  # whoever read the names of results has had enough
            if many > 1:
                tell()
            raise
        self._tell(failed)

    def _one(self, job: Job, progress: Progress) -> None:
        bar = None
        try:
            unit = runner(job.source, job.target).UNIT
            bar = self.bar = Bar(progress, Path(job.source).name, unit=unit, stopped=self.stopped)
            self._make(job, bar)
            with self.lock:
                self.finished += 1
                if job.target != STDIO:
                    _print(job.target)
        except BrokenPipeError:
            raise
        except Exception as error:
            problem = worded(error, "standard input" if job.source == STDIO else job.source)
            if self._summed_up:
                note(f"failed: {problem}")
            raise problem from error
        finally:
            if bar:
                progress.remove_task(bar.task)

    def _make(self, job: Job, bar: Bar) -> None:
        """Write the target, unless it is there."""
        if not self.output.force and self._is_there(job):
            state = self.state(job)
            if state is State.OTHER:
                raise RegrowError(f"{job.target}: exists and is something else; --force overwrites it")
            if state is State.DONE:
                note(f"{job.target}: is done already")
                return
        self.work(job, bar)

    def _is_there(self, job: Job) -> bool:
        """Whether a target would be overwritten: pipes and devices are written to."""
        special = os.path.exists(job.target) and not os.path.isfile(job.target) and not os.path.isdir(job.target)
        return job.target != STDIO and not special and exists(job.target)

    def interrupted(self) -> str:
        """What is done, and how to go on."""
        job, many, bar = self.jobs[0], len(self.jobs), self.bar
        goes_on = "the same command goes on from there"
        if self.best and many == 1:
            return f"interrupted: {job.target} is the best so far; {goes_on}"
        if many > 1:
            kept = "without --force " if self.output.force else ""
            return f"interrupted: {self.finished} of {many} pictures are done; {kept}{goes_on}"
        if bar and bar.unit == "frames" and bar.completed and job.target != STDIO:
            return f"interrupted: {job.source}: {bar.completed} of {bar.total} frames are done; {goes_on}"
        return f"interrupted: {job.target} is not done; the same command begins it again"

    @property
    def _summed_up(self) -> bool:
        """Whether failures are named as they occur and counted at the end: one alone is the command's."""
        return len(self.jobs) > 1 or any(passed.lost for passed in self.passed)

    def _tell(self, failed: list[tuple[Job, RegrowError]]) -> None:
        """Say what was passed over, and raise what went wrong: one failure, or how many there were."""
        lost = [passed for passed in self.passed if passed.lost]
        self._tell_passed(self.passed)
        if failed and not self._summed_up:
            raise failed[0][1]
        words = [f"{len(failed)} of {len(self.jobs)} pictures failed"] if failed else []
        words += [f"{len(lost)} passed over"] if lost else []
        if words:
            raise RegrowError(", ".join(words))

    def _tell_passed(self, passed: list[Passed]) -> None:
        """Name what is no picture in one line, and other things in one each."""
        for one in passed:
            if one.why:
                note(f"passed over: {one}")
        if plain := [str(one) for one in passed if not one.why]:
            more = f" and {len(plain) - SHOWN} more" if len(plain) > SHOWN else ""
            note(f"passed over: {', '.join(plain[:SHOWN])}{more} (no pictures or clips)")


def _print(name: str) -> None:
    try:
        print(_shown(name), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise worded(error, "standard output") from error


def _shown(name: str) -> str:
    """A name as it is for programs, and on one line for terminals."""
    return printable(name) if sys.stdout.isatty() else name

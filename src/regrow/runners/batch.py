"""Many pictures at once: which file becomes which, and what went wrong."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from regrow.errors import RegrowError, UsageError
from regrow.io.kinds import kind_by_name
from regrow.io.paths import STDIO, names_file, names_folder
from regrow.io.search import Passed
from regrow.runners.inputs import Inputs


@dataclass(frozen=True)
class Job:
    """One picture to make: from a path, or "-" for standard input, to a path, or "-" for standard output."""

    source: str
    target: str


def plan(
    inputs: Iterable[str], out: str, suffix: Callable[[str], str], passed: list[Passed] | None = None
) -> list[Job]:
    """Decide what every input becomes.

    One file becomes `out`, unless that is a folder or ends like one. Folders are searched and their trees mirrored
    below `out`; patterns (`*`, `?`, `**`) are expanded where the shell has not done so. A file that exists is that
    file, whatever its name.

    Args:
        inputs: files, folders, patterns or "-".
        out: file or folder to write, or "-".
        suffix: the suffix a source's result gets in a folder, such as ".png".
        passed: gets what was passed over in folders.

    Raises:
        UsageError: an input does not exist, several would go to one file, or a file would overwrite itself.
    """
    given = Inputs(out, [] if passed is None else passed)
    for item in inputs:
        given.add(item)
    if not out:
        raise UsageError("the output has an empty name; name a file or folder")
    if not given.found:
        raise given.nothing()
    several = given.several and out != STDIO
    if several and names_file(out):
        raise UsageError(
            f"{out}: looks like a file, and a folder is needed for what is made of {', '.join(given.names)}; "
            "end it with / if that is meant"
        )
    if several or names_folder(out):
        jobs = _into_folder(given.found, Path(out), suffix)
    elif len(given.found) > 1:
        raise UsageError(f"{len(given.found)} pictures cannot all become {out}; give a folder that exists or ends in /")
    else:
        jobs = [Job(given.found[0][0], out)]
    _keep_sources(jobs)
    return jobs


def _keep_sources(jobs: list[Job]) -> None:
    """UsageError where a result would take the place of a file that is worked on."""
    sources = {os.path.realpath(job.source): job.source for job in jobs if job.source != STDIO}
    for job in jobs:
        source = None if job.target == STDIO else sources.get(os.path.realpath(job.target))
        if source == job.source:
            raise UsageError(f"{job.source}: would be overwritten by its own result; name another output")
        if source is not None:
            raise UsageError(f"{source}: would be overwritten by what {job.source} becomes; name another output")


def _into_folder(found: list[tuple[str, Path]], out: Path, suffix: Callable[[str], str]) -> list[Job]:
    """Targets below a folder; where two sources would share one, both keep their own suffix in the name."""
    suffixes = [suffix(source) for source, _ in found]
    targets = [out / _renamed(where, new) for (_, where), new in zip(found, suffixes, strict=True)]
    count = Counter(targets)
    jobs, seen = [], dict[Path, str]()
    for (source, where), target, new in zip(found, targets, suffixes, strict=True):
        if count[target] > 1:
            target = out / f"{where}{new}"
        if target in seen:
            raise UsageError(
                f"{seen[target]} and {source} would both become {target}; shrink them into different folders"
            )
        seen[target] = source
        jobs.append(Job(source, str(target)))
    return jobs


def _renamed(where: Path, suffix: str) -> Path:
    """A path with another suffix; what follows a dot and is none, as in v1.2, stays."""
    stem = where.with_suffix("") if kind_by_name(where) else where
    return stem.with_name(stem.name + suffix)


def run(
    jobs: list[Job],
    work: Callable[[Job], None],
    *,
    threads: int = 1,
    stopped: threading.Event | None = None,
) -> list[tuple[Job, RegrowError]]:
    """Do every job, go on after one that fails, and give back what failed.

    Args:
        jobs: from `plan`.
        work: does one; raises RegrowError when it cannot.
        threads: pictures in work at the same time.
        stopped: set when the batch ends early, for what is in work in other threads to see.

    Any other exception, an interrupt included, cancels what has not begun and is raised.
    """
    failed: list[tuple[Job, RegrowError]] = []
    if threads == 1:
        for job in jobs:
            try:
                work(job)
            except RegrowError as error:
                failed.append((job, error))
        return failed
    with ThreadPoolExecutor(threads) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(running):
                try:
                    future.result()
                except RegrowError as error:
                    failed.append((running[future], error))
        except BaseException:
            if stopped:
                stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed

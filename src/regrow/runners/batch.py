"""Many pictures at once: which file becomes which, what is done already, what went wrong."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from regrow.errors import RegrowError, UsageError
from regrow.io.paths import (
    PICTURE_SUFFIXES,
    STDIO,
    VIDEO_SUFFIXES,
    find_pictures,
    is_pattern,
    names_folder,
    names_video,
)

KNOWN = PICTURE_SUFFIXES | VIDEO_SUFFIXES


@dataclass(frozen=True)
class Job:
    """One picture to make: from a path, or "-" for standard input, to a path, or "-" for standard output."""

    source: str
    target: str


def plan(inputs: Iterable[str], out: str, suffix: Callable[[str], str]) -> list[Job]:
    """Decide what every input becomes.

    One file becomes `out`, unless that is a folder or ends like one. Folders are searched and their trees mirrored
    below `out`; patterns (`*`, `?`, `**`) are expanded where the shell has not done so.

    Args:
        inputs: files, folders, patterns or "-".
        out: file or folder to write, or "-".
        suffix: the suffix a source's result gets in a folder, such as ".png".

    Raises:
        UsageError: an input does not exist, several would go to one file, or a file would overwrite itself.
    """
    inputs = list(inputs)
    into_folder = names_folder(out)
    found: list[tuple[str, Path]] = []  # source, and where in the folder `out` it belongs
    for item in inputs:
        path = Path(item)
        if item == STDIO:
            found.append((item, Path("stdin.png")))
        elif is_pattern(item):
            found.append((item, Path(path.parent.name or "clip").with_suffix(".frames")))
        elif path.is_dir() and names_video(out):
            found.append((item, Path(out)))  # the frames of one clip
        elif path.is_dir():
            into_folder = True
            below = Path(out).resolve()
            if below == path.resolve():
                raise UsageError(f"{item}: would be mixed with its own results; name another output folder")
            inside = path.resolve() in below.parents  # results of an earlier run are no pictures to work on
            found += [
                (str(p), p.relative_to(path))
                for p in find_pictures(path, KNOWN)
                if not (inside and below in p.resolve().parents)
            ]
        elif path.exists():
            found.append((item, Path(path.name)))
        elif matches := sorted(glob.glob(item, recursive=True)):
            into_folder = into_folder or len(matches) > 1
            found += [(p, Path(p).name) for p in matches if Path(p).is_file()]  # type: ignore[misc]
        else:
            raise UsageError(f"{item}: no such file or folder")
    if not found:
        raise UsageError(f"{', '.join(inputs)}: no pictures there; known suffixes are {' '.join(sorted(KNOWN))}")
    if out == STDIO or not into_folder:
        if len(found) > 1:
            raise UsageError(f"{len(found)} pictures cannot all become {out}; give a folder that exists or ends in /")
        jobs = [Job(found[0][0], out)]
    else:
        jobs = _into_folder(found, Path(out), suffix)
    for job in jobs:
        if STDIO not in (job.source, job.target) and Path(job.source).resolve() == Path(job.target).resolve():
            raise UsageError(f"{job.source}: would be overwritten by its own result; name another output")
    return jobs


def _into_folder(found: list[tuple[str, Path]], out: Path, suffix: Callable[[str], str]) -> list[Job]:
    """Targets below a folder; where two sources would share one, both keep their own suffix in the name."""
    targets = [out / Path(where).with_suffix(suffix(source)) for source, where in found]
    shared = {t for t in targets if targets.count(t) > 1} if len(set(targets)) < len(targets) else set()
    jobs, seen = [], dict[Path, str]()
    for (source, where), target in zip(found, targets, strict=True):
        if target in shared:
            target = out / f"{where}{suffix(source)}"
        if target in seen:
            raise UsageError(
                f"{seen[target]} and {source} would both become {target}; shrink them into different folders"
            )
        seen[target] = source
        jobs.append(Job(source, str(target)))
    return jobs


def run(jobs: list[Job], work: Callable[[Job], None], *, threads: int = 1) -> list[tuple[Job, RegrowError]]:
    """Do every job, go on after one that fails, and give back what failed.

    Args:
        jobs: from `plan`.
        work: does one; raises RegrowError when it cannot.
        threads: pictures in work at the same time.

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
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed

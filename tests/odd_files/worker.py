"""A process that makes odd files by number and runs the verbs on them, until it is told to end or dies of one."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import resource
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path

import typer.main

from odd_files.checks import Ran
from odd_files.generate import odd_file
from odd_files.verbs import tried

ADDRESSES = 16 * 2**30
"""Bytes beyond which the process is refused more, for the sake of the machine."""


def main(folder: Path, seconds: int, keep: Path) -> None:
    """Read numbers on standard input, and answer each with a line of JSON on standard output."""
    answers = os.fdopen(os.dup(1), "w")
    _redirect(folder)
    _limit()
    typer.main.get_command = cache(typer.main.get_command)  # made once, for it takes longer than many a verb
    for line in sys.stdin:
        number = int(line)
        odd = odd_file(number)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            (folder / "now").write_text(f"{odd.seed}: {', '.join(odd.changes)}")
            outcome, found = tried(odd, number, Path(place), lambda *given: _run(folder, seconds, *given))
            if found:
                (keep / f"{number}-{odd.name}").write_bytes(odd.data)
        answer = {"outcome": outcome, "faults": found, "seed": odd.seed, "changes": odd.changes, "clip": odd.is_clip}
        print(json.dumps(answer), file=answers, flush=True)


def _redirect(folder: Path) -> None:
    """Let what anybody prints, C libraries included, go into files."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)


def _limit() -> None:
    """One thread, low priority, and a line on standard error where a limit is hit."""
    import torch

    torch.set_num_threads(1)
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)


def _run(folder: Path, seconds: int, arguments: list[str], results: Path) -> Ran:
    """One run of the command, whose processor time is limited."""
    from regrow import cli

    for name in ("out", "err"):
        os.truncate(folder / name, 0)
    (folder / "arguments").write_text(" ".join(arguments))
    logging.getLogger().handlers.clear()  # each run is the first
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # begins a new peak
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))
    sys.argv, sys.stdout = ["regrow", *arguments], sys.__stdout__
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sys.stdout.flush()
    sys.stderr.flush()
    err = (folder / "err").read_text("utf-8", "backslashreplace")
    return Ran(arguments, code, err, _memory("VmHWM") - before, sorted(os.listdir(results)))


def _memory(field: str) -> int:
    """Bytes of memory in use, or at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))

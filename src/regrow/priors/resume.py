"""Fits that go on after an interrupt: a file that is written now and then."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

SECONDS = 60
"""Between writes."""

log = logging.getLogger("regrow")


class Run(Protocol):
    """What can be kept."""

    iteration: int

    @property
    def iterations(self) -> int:
        """At most so many."""

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""

    def save(self, path: Path) -> None:
        """Write all that `load` needs."""

    def load(self, path: Path) -> None:
        """Go back to where it was. UsageError for a file of another fit, RegrowError for a damaged one."""


class Keeper:
    """Keeps a run in a file, from which it goes on at once where there is one already; nothing where it is None."""

    def __init__(self, run: Run, path: Path | None, seconds: float = SECONDS) -> None:
        self.run, self.path, self.seconds, self.saved = run, path, seconds, time.monotonic()
        if path and path.exists():
            run.load(path)
            log.info("going on after iteration %d of %d, from %s", run.iteration, run.iterations, path)

    def after_iteration(self, interrupted: bool) -> None:
        """Write every so many seconds, and where the run ends."""
        if self.path and (interrupted or self.run.over or time.monotonic() - self.saved > self.seconds):
            self.run.save(self.path)
            self.saved = time.monotonic()

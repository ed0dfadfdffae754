"""Fits that continue after an interrupt: a checkpoint that is written regularly."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

SECONDS = 60
"""Seconds between checkpoints."""

log = logging.getLogger("regrow")


class Run(Protocol):
    """A run that can be saved."""

    iteration: int

    @property
    def iterations(self) -> int:
        """Maximum number of iterations."""

    @property
    def over(self) -> bool:
        """Whether the run is complete."""

    def save(self, path: Path) -> None:
        """Write everything that `load` needs."""

    def load(self, path: Path) -> None:
        """Restore the saved state. UsageError for a file of another fit, RegrowError for a damaged one."""


class Keeper:
    """Saves a run in a file, and restores it first if the file exists; does nothing if the path is None."""

    def __init__(self, run: Run, path: Path | None, seconds: float = SECONDS) -> None:
        self.run, self.path, self.seconds, self.saved = run, path, seconds, time.monotonic()
        if path and path.exists():
            run.load(path)
            log.info("going on after iteration %d of %d, from %s", run.iteration, run.iterations, path)

    def after_iteration(self, interrupted: bool) -> None:
        """Write at regular intervals, and when the run ends."""
        if self.path and (interrupted or self.run.over or time.monotonic() - self.saved > self.seconds):
            self.run.save(self.path)
            self.saved = time.monotonic()

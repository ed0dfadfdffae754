"""Progress on standard error: a bar for each job in work, and words beside."""

from __future__ import annotations

import threading
from contextlib import suppress

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

from regrow.errors import printable

console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


class Speed(ProgressColumn):
    """Frames a second, of clips."""

    def render(self, task: Task) -> Text:
        """Of one bar."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} frames/s" if task.fields.get("unit") == "frames" and speed else "")


class Bar:
    """The report of one job to its bar: how far it is, and words beside."""

    def __init__(self, progress: Progress, name: str, *, unit: str, stopped: threading.Event) -> None:
        self.progress, self.unit, self.stopped = progress, unit, stopped
        self.completed, self.total = 0, 0
        self.task = progress.add_task(printable(name), total=None, unit=unit, words="")

    def __call__(self, done: int, total: int) -> None:
        """As a `Report`. KeyboardInterrupt where the batch was stopped, of which other threads hear in this way."""
        if self.stopped.is_set():
            raise KeyboardInterrupt
        self.completed, self.total = done, total
        self.progress.update(self.task, completed=done, total=total)

    def say(self, words: str) -> None:
        """For `regrow.progress.said`."""
        self.progress.update(self.task, words=printable(words))


COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TaskProgressColumn(),
    Speed(),
    TimeElapsedColumn(),
    TimeRemainingColumn(elapsed_when_finished=True),
    TextColumn("{task.fields[words]}", markup=False),
)


def note(words: object) -> None:
    """Print a line above the bars, if anybody listens."""
    with suppress(OSError, ValueError):
        console.print(printable(words))

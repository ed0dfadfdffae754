"""Progress of long work, reported to a callback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

Report = Callable[[int, int], None]
"""Called with the number of rows that are done and the total."""


def silent(done: int, total: int) -> None:
    """A report that does nothing, the default."""


def said(report: Report, words: str) -> None:
    """Show words beside the progress, if the report has a method `say`."""
    if say := getattr(report, "say", None):
        say(words)


class Part:
    """The report of part `i` of `count` parts of the work that take equally long."""

    def __init__(self, report: Report, i: int, count: int) -> None:
        self.report, self.i, self.count = report, i, count

    def __call__(self, done: int, total: int) -> None:
        """As a `Report`."""
        self.report(self.i * total + done, self.count * total)

    def say(self, words: str) -> None:
        """For `said`."""
        said(self.report, words)


def reported(rows: Iterable[np.ndarray], height: int, report: Report) -> Iterator[np.ndarray]:
    """The same rows, with a report after each block."""
    done = 0
    for block in rows:
        yield block
        done += len(block)
        report(done, height)

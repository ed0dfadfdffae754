"""How far long work is, told to whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

Report = Callable[[int, int], None]
"""Called with the rows that are done and the rows there are."""


def silent(done: int, total: int) -> None:
    """The report nobody asked for."""


def said(report: Report, words: str) -> None:
    """Show words beside the progress, where whoever is told has a method `say` for them."""
    if say := getattr(report, "say", None):
        say(words)


class Part:
    """The report of one of `count` parts of the work that take equally long, `i` of which are done."""

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

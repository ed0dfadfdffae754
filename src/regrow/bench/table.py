"""Rows of figures as aligned lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    """One column of a table."""

    heading: str
    text: str
    """A format string of the names in a row, such as "{rgb:.2f}"."""
    width: int
    """In characters, at least."""
    left: bool = False
    """Whether texts begin at the left; the column is then as wide as the longest needs."""


SET = Column("set", "{set}", 10, left=True)
MODEL = Column("model", "{model}", 5, left=True)
SCALE = Column("scale", "x{scale}", 5)
PEAK = Column("peak MiB", "{peak_mib:.0f}", 8)


def lines(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The headings and then a line for each row."""
    texts = [[column.text.format(**row) for column in columns] for row in rows]
    widths = [max([column.width, *(len(text[i]) for text in texts if column.left)]) for i, column in enumerate(columns)]
    for cells in ([column.heading for column in columns], *texts):
        aligned = (
            cell.ljust(width) if column.left else cell.rjust(width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        )
        yield " ".join(aligned)

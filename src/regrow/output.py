"""What verbs share: where results go, and pictures written with all that is not pixels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from regrow.errors import UsageError
from regrow.formats import Format
from regrow.picture import Picture
from regrow.video.options import Video
from regrow.writer import PictureWriter

Report = Callable[[int, int], None]
"""Called with the rows that are done and the rows there are."""

log = logging.getLogger("regrow")


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


def named(out: Any, verb: str) -> Any:
    """Where the result of a file goes. UsageError where nobody said."""
    if out is None:
        raise UsageError(f"a file was given to {verb}, but not where its result goes; name an output")
    return out


def unnamed(out: Any, verb: str) -> None:
    """UsageError where a picture in memory is to be written to a file."""
    if out is not None:
        raise UsageError(f"a picture in memory was given to {verb}, whose result is one too; save that yourself")


def refuse_for_clips(**settings: Any) -> None:
    """UsageError for a setting that only pictures have."""
    for name, value in settings.items():
        if value:
            raise UsageError(f"{name} {value}: is for pictures, not for clips; leave it out")


def refuse_for_pictures(video: Video | None) -> None:
    """UsageError for settings that only clips have."""
    if video is not None and video != Video():
        raise UsageError("codec, crf and rate are for clips, not for pictures; leave them out")


def write(
    out: Any,
    rows: Iterable[np.ndarray],
    picture: Picture,
    size: tuple[int, int],
    colours: int,
    depth: int,
    form: Format,
    report: Report,
) -> None:
    """Write rows with everything of `picture` that is not pixels."""
    width, height = size
    with PictureWriter(
        out, width=width, height=height, colours=colours, alpha=picture.alpha, depth=depth, format=form.name,
        icc=picture.icc, exif=picture.exif, xmp=picture.xmp, orientation=picture.orientation,
        resolution=picture.resolution,
    ) as writer:  # fmt: skip
        for note in (*picture.notes, *writer.notes):
            log.warning("%s: %s", picture.name, note)
        for block in reported(rows, height, report):
            writer.write(block)


def reported(rows: Iterable[np.ndarray], height: int, report: Report) -> Iterator[np.ndarray]:
    """The same rows, with a report after each block."""
    done = 0
    for block in rows:
        yield block
        done += len(block)
        report(done, height)

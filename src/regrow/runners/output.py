"""What verbs share: where results go, and pictures written with all that is not pixels."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np

from regrow.errors import UsageError
from regrow.io.formats import Format
from regrow.io.reader import Picture
from regrow.io.writer import PictureWriter
from regrow.progress import Report, reported
from regrow.video.options import Video

log = logging.getLogger("regrow")


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
    colors: int,
    depth: int,
    form: Format,
    report: Report,
) -> None:
    """Write rows with everything of `picture` that is not pixels."""
    width, height = size
    with PictureWriter(
        out, width=width, height=height, colors=colors, alpha=picture.alpha, depth=depth, format=form.name,
        icc=picture.icc, exif=picture.exif, xmp=picture.xmp, orientation=picture.orientation,
        resolution=picture.resolution,
    ) as writer:  # fmt: skip
        for note in (*picture.notes, *writer.notes):
            log.warning("%s: %s", picture.name, note)
        for block in reported(rows, height, report):
            writer.write(block)

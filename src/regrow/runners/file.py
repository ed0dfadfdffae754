"""Operations on picture files: from a path or the bytes of a file to a path or a binary stream."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from regrow.errors import BestSoFar, RegrowError, UsageError
from regrow.io.codecs import UNKNOWN
from regrow.io.formats import FORMATS, Format, check_pixels, format_of, get_format
from regrow.io.paths import suffix_of
from regrow.io.reader import Picture, open_picture
from regrow.io.writer import PictureWriter
from regrow.operations.plan import Header, Operation, Plan, Turned
from regrow.progress import Report, reported
from regrow.size import Size
from regrow.video.options import Video

UNIT = "rows"

log = logging.getLogger("regrow")


def apply(
    operation: Operation, source: Any, out: Any, *, format: str | None, video: Video | None, report: Report
) -> Any:
    """Write what an operation makes of a picture file, with all that is not pixels.

    Returns:
        `out`.

    Raises:
        KeyboardInterrupt: after the best there was when it was interrupted was written, where the operation gives that.
    """
    if video is not None and video != Video():
        raise UsageError("codec, crf and rate are for clips, not for pictures; leave them out")
    if out is None:
        raise UsageError(f"a file was given to {operation.verb}, but not where its result goes; name an output")
    form = _format(source, out, format)
    if isinstance(out, (str, os.PathLike)) and suffix_of(out) not in ("", *form.suffixes):
        log.warning("%s: will hold %s, as was asked, though its name says another format", out, form.name.upper())
    picture = opened(source, operation, form)
    plan = operation.plan(_header(picture, form)).prepared([picture.rows], report)
    writer = _writer(out, picture, plan, form)
    for note in _notes(picture, plan, writer):
        log.warning("%s: %s", picture.name, note)
    if plan.file:
        writer.put(plan.file)
        log.info("%s: %s", writer.name, plan.summary)
        return out
    rows = plan.rows(picture.rows, np.uint16 if plan.depth == 16 else np.uint8)
    with writer:
        for block in reported(rows, plan.size.height, report):
            writer.write(block)
    if plan.interrupted:
        raise BestSoFar
    return out


def _format(source: Any, out: Any, format: str | None) -> Format:
    """The format of a result. Where its name says none, what is wrong with the source is told first."""
    try:
        if not format and not isinstance(out, (str, os.PathLike)):
            raise UsageError("no format is given for what has no name; say one, such as png")
        return get_format(format) if format else format_of(out)
    except UsageError:
        open_picture(source)
        raise


def losses(operation: Operation, source: Any, out: Any) -> list[str]:
    """What would be said of a result, before any pixel is read. RegrowError where it could not be written."""
    form = format_of(out)
    picture = opened(source, operation, form)
    plan = operation.plan(_header(picture, form))
    return _notes(picture, plan, _writer(out, picture, plan, form))


def _writer(out: Any, picture: Picture, plan: Plan, form: Format) -> PictureWriter:
    return PictureWriter(
        out, width=plan.size.width, height=plan.size.height, colors=plan.channels, alpha=picture.alpha,
        depth=plan.depth, format=form.name, metadata=plan.metadata(form), orientation=picture.orientation,
    )  # fmt: skip


def _notes(picture: Picture, plan: Plan, writer: PictureWriter) -> list[str]:
    return [*picture.notes, *plan.notes(writer.form), *writer.notes]


def opened(source: Any, operation: Operation, form: Format) -> Picture:
    """A picture, turned upright where the operation wants it or the format of the result needs it."""
    picture = open_picture(source)
    upright = operation.turned is Turned.ALWAYS or (operation.turned is Turned.WHERE_NEEDED and not form.turned)
    return picture.upright() if upright else picture


def header(source: Any, operation: Operation | None = None, target: Any = None) -> Header:
    """The header of a picture file, as an operation that writes `target` would see it."""
    if operation is None:
        return _header(open_picture(source))
    form = format_of(target)
    return _header(opened(source, operation, form), form)


def first(source: Any) -> tuple[Iterable[np.ndarray], Size, int]:
    """Rows, size and colours of a picture file, upright."""
    picture = open_picture(source).upright()
    return picture.rows(), Size(picture.width, picture.height), picture.colors


def suffix(source: str, operation: Operation | None, format: str | None) -> str:
    """The suffix of a result in a folder: the format's, else the source's where that holds it losslessly, else .png.

    Where files of lossy codecs were asked for, the source's if it is one's, else .webp.
    """
    if format:
        return get_format(format).suffixes[0]
    own, lossy = suffix_of(source), operation is not None and operation.lossy
    kept = {
        suffix: form for form in FORMATS.values() if (form.lossy if lossy else form.lossless)
        for suffix in form.suffixes
    }  # fmt: skip
    fits = own in kept and (operation is None or _holds(kept[own], source, operation))
    return own if fits else ".webp" if lossy else ".png"


def _holds(form: Format, source: str, operation: Operation) -> bool:
    """Whether a format can store what an operation makes of a picture; where nothing is made of it, it may."""
    if form.name == "png" or not os.path.isfile(source):  # to look into a pipe would empty it
        return True
    try:
        picture = opened(source, operation, form)
        plan = operation.plan(_header(picture, form))
    except RegrowError:
        return True
    try:
        check_pixels(
            form, source, width=plan.size.width, height=plan.size.height, colors=3, alpha=picture.alpha,
            depth=plan.depth,
        )  # fmt: skip
    except UsageError:
        return False
    return True


def _header(picture: Picture, form: Format | None = None) -> Header:
    return Header(
        name=picture.name, size=Size(picture.width, picture.height), channels=picture.colors, alpha=picture.alpha,
        depth=picture.depth, metadata=picture.metadata, facts=picture.facts, turned=picture.turned, mark=picture.mark,
        lossy_bytes=picture.length if picture.facts != UNKNOWN or picture.format == "heif" else None, form=form,
    )  # fmt: skip

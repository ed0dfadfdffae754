"""The one place that decides what a source is: a picture file, a picture in memory, or a clip."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from regrow.io.kinds import Kind, kind_of
from regrow.operations.plan import Header, Operation
from regrow.progress import Report, silent
from regrow.size import Size
from regrow.video.options import Video
from regrow.video.source import is_clip


class Runner(Protocol):
    """What takes operations to one kind of source: `regrow.runners.file`, `memory` or `clip`."""

    UNIT: str
    """What progress is counted in."""

    def apply(
        self, operation: Operation, source: Any, out: Any, *, format: str | None, video: Video | None, report: Report
    ) -> Any:
        """Do it, and give back the path that was written, or what was made in memory."""

    def header(self, source: Any, operation: Operation | None = None, target: Any = None) -> Header:
        """What is known of a source, as an operation that writes `target` would see it."""

    def first(self, source: Any) -> tuple[Iterable[np.ndarray], Size, int]:
        """Rows, size and colours of the picture, or of the first frame of a clip, upright."""

    def losses(self, operation: Operation, source: Any, out: Any) -> list[str]:
        """What would be said of a result that a path gets, before anything is made."""

    def suffix(self, source: str, operation: Operation | None, format: str | None) -> str:
        """The suffix of a result in a folder."""


def runner(source: Any, out: Any = None) -> Runner:
    """What works on such a source: its bytes say so, or else its name.

    A folder of frames is a clip only where its result is one video file.
    """
    from regrow.runners import clip, file, memory

    if isinstance(source, (str, os.PathLike)):
        kind = _kind_of_file(source)
        return clip if kind == "clip" or (kind is None and is_clip(source, out)) else file
    if is_clip(source, out):
        return clip
    return file if isinstance(source, bytes) else memory


def _kind_of_file(source: str | os.PathLike[str]) -> Kind | None:
    """What a file is by its bytes, whatever its name; None where they do not tell."""
    try:
        return kind_of(source)
    except (OSError, ValueError):  # whoever opens it says why
        return None


def apply(
    operation: Operation,
    source: Any,
    out: Any = None,
    *,
    format: str | None = None,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Do an operation to a picture or clip, wherever it is.

    Args:
        operation: what is done.
        source: path, bytes of a file, array, PIL image, tensor, or binary stream of a clip.
        out: path, pattern of frames or binary stream, for what is not in memory.
        format: of the file of a picture; what the name of `out` says when not given.
        video: how clips are read and written.
        report: told about progress, in rows or frames.

    Returns:
        `out`, or what was made in memory, of the kind of `source`.
    """
    return runner(source, out).apply(operation, source, out, format=format, video=video, report=report)


def header(source: Any) -> Header:
    """What is known of a picture or clip before its pixels are read."""
    return runner(source).header(source)

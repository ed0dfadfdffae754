"""Operations on pictures in memory: from an array, PIL image or tensor to one of the same kind."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np

from regrow.errors import UsageError
from regrow.inference.rows import Samples
from regrow.io.formats import NO_FILE
from regrow.io.memory import InMemory, accept
from regrow.io.pil_coding import NOTHING
from regrow.operations.plan import Header, Operation
from regrow.progress import Report, reported
from regrow.size import Size
from regrow.video.options import Video

UNIT = "rows"
HOLDS = NO_FILE
"""Metadata in memory is what a file of this format holds."""

log = logging.getLogger("regrow")


def apply(
    operation: Operation, picture: Any, out: None, *, format: str | None, video: Video | None, report: Report
) -> Any:
    """What an operation makes of a picture in memory, of the same kind; PIL images keep and get metadata."""
    if video is not None and video != Video():
        raise UsageError("codec, crf and rate are for clips, not for pictures; leave them out")
    if out is not None:
        raise UsageError(
            f"a picture in memory was given to {operation.verb}, whose result is one, too; save that yourself, or give "
            "the path of a file"
        )
    given = accept(picture)
    plan = operation.plan(_header(given, operation)).prepared([lambda: [given.pixels]], report)
    for note in plan.notes(HOLDS):
        log.warning("%s: %s", given.name, note)
    deep: Samples = np.uint16 if plan.depth == 16 else np.uint8
    samples: Samples = np.float32 if given.pixels.dtype.kind == "f" else deep
    rows = plan.rows(lambda: [given.pixels], samples)
    pixels = np.concatenate(list(reported(rows, plan.size.height, report)))
    return given.wrap(pixels, plan.metadata(HOLDS))


def header(picture: Any, operation: Operation | None = None, target: Any = None) -> Header:
    """The header of a picture in memory."""
    return _header(accept(picture), operation)


def losses(operation: Operation, source: Any, out: Any) -> list[str]:
    """Results in memory are not written."""
    raise UsageError(f"{source!r}: is not a file")


def first(source: Any) -> tuple[Iterable[np.ndarray], Size, int]:
    """Rows, size and colours of a picture in memory."""
    given = accept(source)
    height, width, _ = given.pixels.shape
    return [given.pixels], Size(width, height), given.colors


def suffix(source: str, operation: Operation | None, format: str | None) -> str:
    """Nothing in memory has a name."""
    raise UsageError(f"{source!r}: is not a file")


def _header(given: InMemory, operation: Operation | None = None) -> Header:
    height, width, bands = given.pixels.shape
    known = given.remembered if operation is None or operation.undoes_coding else NOTHING
    return Header(
        name=given.name, size=Size(width, height), channels=given.colors, alpha=bands > given.colors,
        depth=given.depth, metadata=given.metadata, facts=known.facts, mark=known.mark,
    )  # fmt: skip

"""Finding and writing files safely."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".gif")
)

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".y4m", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".ogv")
)


def find_pictures(folder: Path) -> Iterator[Path]:
    """Every picture below a folder, by its suffix, sorted; hidden files and folders are passed over."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in PICTURE_SUFFIXES and not hidden and path.is_file():
            yield path


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` to write to; it takes the target's place when the block ends without an error.

    Whatever goes wrong, an interrupt included, the target is either as it was or complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".regrow-{secrets.token_hex(8)}.part"
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield part
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

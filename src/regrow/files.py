"""Finding and writing files safely."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".gif")
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
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        # mkstemp makes files private; a result has the rights any new file gets.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

"""Finding and writing files safely."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STDIO = "-"
"""Standard input or output, where a path is expected."""

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".gif")
)

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".y4m", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".ogv")
)


def find_pictures(folder: Path, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> Iterator[Path]:
    """Every picture below a folder, by its suffix, sorted; hidden files and folders are passed over."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not hidden and path.is_file():
            yield path


_NUMBER = re.compile(r"%(0?)(\d*)d")


def is_pattern(name: str) -> bool:
    """Whether a name is a pattern of numbered files, such as frames/%05d.png."""
    return len(_NUMBER.findall(os.path.basename(name))) == 1


def numbered(pattern: str, number: int) -> Path:
    """The path of a frame's file."""
    return Path(_NUMBER.sub(lambda found: f"{number:{found[1]}{found[2]}d}", pattern))


def names_video(name: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a video file."""
    return os.path.splitext(os.fspath(name))[1].lower() in VIDEO_SUFFIXES


def names_folder(name: str) -> bool:
    """Whether a result's name is that of a folder: one that exists, or a name that ends like one."""
    return name.endswith(("/", os.sep)) or Path(name).is_dir()


def folder_of(name: str) -> Path:
    """The folder that a result goes into: itself where it is one."""
    return Path(name) if names_folder(name) else Path(name).parent


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` to write to; it takes the target's place when the block ends without an error.

    After any error or interrupt, the target is either unchanged or complete.
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

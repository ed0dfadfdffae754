"""Finding and writing files safely."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STDIO = "-"
"""Standard input or output, where a path is expected."""

PICTURE_SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".webp", ".tif", ".tiff", ".avif", ".heic",
     ".heif", ".hif", ".gif")
)  # fmt: skip
"""Of files that regrow reads as pictures."""

RAW_SUFFIXES = frozenset(
    (".3fr", ".arq", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".erf", ".fff", ".gpr",
     ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".ptx", ".pxn",
     ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f")
)  # fmt: skip
"""Of raw files of cameras: reading them says what is to be done."""

OTHER_PICTURES = frozenset(
    (".bmp", ".jp2", ".j2k", ".jxl", ".psd", ".tga", ".exr", ".hdr", ".ppm", ".pgm", ".pbm", ".pnm", ".avifs", ".heics")
)
"""Of pictures that regrow does not read, which are named and not passed over."""

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".y4m", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".ogv")
)


LONGEST_NAME = 255
"""Bytes of a file's name that all usual file systems take."""

_NUMBER = re.compile(r"%(0?)(\d*)d")


def suffix_of(name: str | os.PathLike[str]) -> str:
    """The suffix of a name, in lower case."""
    return os.path.splitext(os.fspath(name))[1].lower()


def is_pattern(name: str) -> bool:
    """Whether a name is a pattern of numbered pictures, such as frames/%05d.png: not where there is such a file."""
    numbers = _NUMBER.findall(os.path.basename(name))
    return len(numbers) == 1 and not names_video(name) and not os.path.lexists(name)


def numbered(pattern: str, number: int) -> Path:
    """The path of a frame's file."""
    folder, name = os.path.split(pattern)
    return Path(folder, _NUMBER.sub(lambda found: f"{number:{found[1]}{found[2]}d}", name))


def names_video(name: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a video file."""
    return suffix_of(name) in VIDEO_SUFFIXES


def names_folder(name: str) -> bool:
    """Whether a result's name is that of a folder: one that exists, or a name that ends like one."""
    return name.endswith(("/", os.sep)) or os.path.isdir(name)


def names_file(name: str) -> bool:
    """Whether a result's name looks like that of a file, so that no folder is made under it."""
    if names_folder(name):
        return False
    known = PICTURE_SUFFIXES | VIDEO_SUFFIXES | RAW_SUFFIXES | OTHER_PICTURES
    return suffix_of(name) in known or mimetypes.MimeTypes(()).guess_type(os.path.basename(name))[0] is not None


def folder_of(name: str) -> Path:
    """The folder that a result goes into: itself where it is one."""
    return Path(name) if names_folder(name) else Path(name).parent


def hidden_beside(target: Path) -> Path:
    """What is kept beside a result until it is done; of a name that would get too long, a digest."""
    name = f".{target.name}.regrow"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:32]}.regrow"
    return target.parent / name


_parts: set[Path] = set()


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` to write to; it takes the target's place when the block ends without an error.

    After any error or interrupt, the target is either unchanged or complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".regrow-{secrets.token_hex(8)}.part"
    _parts.add(part)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield part
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        _parts.discard(part)


def remove_parts() -> None:
    """Remove what is being written: for a process that is about to end in the middle of it."""
    for part in tuple(_parts):
        with suppress(OSError):
            part.unlink()

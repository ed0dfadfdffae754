"""What a run of a verb may do, whatever file it is given."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

MEMORY = 2 * 2**30
"""Bytes by which a verb may grow for a tiny file."""
_FORBIDDEN = re.compile(r"regrow: unexpected|unexpected \w+(Error|Exception)|fault of regrow|Traceback|please report")


@dataclass(frozen=True)
class Ran:
    """A verb that ran, and what it left."""

    arguments: list[str]
    code: int
    err: str
    memory: int
    """Bytes by which its process grew at its peak."""
    left: list[str] = field(default_factory=list)
    """What is in the folder of results, hidden files included."""


def faults(ran: Ran, result: Path | None = None, *, silent: bool = False) -> list[str]:
    """What is wrong with a run, apart from the pixels of its result, which is what may be left.

    A `silent` run may fail without a message: what it says is on standard output.
    """
    found = _wrong_words(ran.err)
    if ran.code not in (0, 1, 2):
        found.append(f"exit code {ran.code}")
    if ran.code and not ran.err and not silent:
        found.append("fails without a message")
    if ran.memory > MEMORY:
        found.append(f"takes {ran.memory / 2**30:.1f} GiB")
    result = result if ran.code == 0 else None
    found += [f"leaves {name}" for name in ran.left if result is None or name != result.name][:1]
    if result and not ran.left:
        found.append("writes nothing")
    return found


def _wrong_words(err: str) -> list[str]:
    """Of messages: each is a line of regrow's own, that a person can read."""
    lines = err.splitlines()
    return [
        *[f"confesses: {line[:300]!r}" for line in lines if _FORBIDDEN.search(line)][:1],
        *[f"not a message of regrow: {line[:200]!r}" for line in lines if not line.startswith("regrow: ")][:1],
        *[f"cannot be printed: {line[:200]!r}" for line in lines if not line.isprintable()][:1],
        *[f"message of {len(line)} characters: {line[:200]!r}" for line in lines if len(line) > 1000][:1],
    ]


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a result, all of which must be there, as Pillow or FFmpeg read it."""
    if path.is_dir():
        return size_of(sorted(path.iterdir())[0])
    if path.suffix in (".png", ".jpg", ".webp", ".tif", ".avif"):
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # EXIF that was damaged is copied as it was
            with Image.open(path) as image:
                image.load()
                return image.size
    import av

    with av.open(str(path)) as clip:
        frames = [(frame.width, frame.height) for frame in clip.decode(video=0)]
    return frames[0]

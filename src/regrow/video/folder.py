"""Clips that are folders of pictures, one a frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.io.formats import format_of
from regrow.io.paths import numbered
from regrow.io.reader import Picture, open_picture
from regrow.io.search import find_pictures
from regrow.io.writer import PictureWriter
from regrow.video.clip import Clip, Frame
from regrow.video.pixels import FULL, RGB, UNSPECIFIED, Pixels

RATE = Fraction(25)
"""Default number of frames a second of a folder."""


def listed(source: str) -> list[Path]:
    """The frames of a folder or pattern, in order: sorted by name, or by number from the first that exists."""
    if Path(source).is_dir():
        return sorted(find_pictures(Path(source)))
    first = next((n for n in range(1000) if numbered(source, n).is_file()), None)
    if first is None:
        raise UsageError(f"{source}: no such frames, numbered from 0 to 999 at the first")
    paths = list[Path]()
    while (path := numbered(source, first + len(paths))).is_file():
        paths.append(path)
    return paths


def open_frames(source: str, rate: Fraction | None) -> Clip:
    """Open a folder of frames, or a pattern of their names."""
    paths = listed(source)
    if not paths:
        raise UsageError(f"{source}: no pictures there")
    first = open_picture(paths[0]).upright()
    size = first.width, first.height
    grey, deep = first.colors == 1, first.depth == 16
    pixels = Pixels(
        ("gray" if grey else "rgb") + ({True: "16le", False: ""} if grey else {True: "48le", False: "24"})[deep],
        UNSPECIFIED if grey else RGB, FULL, alpha=first.alpha,
    )  # fmt: skip

    def read() -> Iterator[Frame]:
        for number, path in enumerate(paths):
            picture = open_picture(path).upright()
            if (picture.width, picture.height) != size:
                raise RegrowError(
                    f"{path}: is {picture.width}x{picture.height}, and the clip's first frame {size[0]}x{size[1]}"
                )
            colors, alpha = _split(picture, pixels)
            yield Frame(colors, number, 1, number, alpha)

    rate = rate or RATE
    notes = ("has an ICC profile, which a video file cannot hold and is left out",) if first.icc else ()
    return Clip(
        name=source, width=size[0], height=size[1], pixels=pixels, time_base=1 / rate, rate=rate, count=len(paths),
        notes=notes, xmp=first.xmp, passport=first.metadata.passport, read=read,
    )  # fmt: skip


def write_frame(
    path: Path, pixels: np.ndarray, *, depth: int, xmp: bytes | None, alpha: np.ndarray | None = None
) -> None:
    """Write a frame of (H, W, 1 or 3), uint8 or float32 in [0, 1], as a picture of 8 or 16 bits, and its alpha."""
    form = format_of(path)
    depth = depth if depth in form.depths else 8
    pixels = _integers(pixels, depth)
    height, width, colors = pixels.shape
    if alpha is not None:
        pixels = np.concatenate([pixels, _integers(alpha, depth)], 2)
    with PictureWriter(
        path, width=width, height=height, colors=colors, alpha=alpha is not None, depth=depth, format=form.name, xmp=xmp
    ) as writer:
        writer.write(pixels)


def _integers(samples: np.ndarray, depth: int) -> np.ndarray:
    if samples.dtype != np.uint8:
        peak = 2**depth - 1
        return np.rint(samples.clip(0, 1) * np.float32(peak)).astype(np.uint16 if depth == 16 else np.uint8)
    return samples.astype(np.uint16) * np.uint16(257) if depth == 16 else samples


def _split(picture: Picture, pixels: Pixels) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours and alpha; both uint8, or float32 where the picture has 16 bits."""
    rows = np.concatenate(list(picture.rows()))
    if rows.dtype != np.uint8:
        rows = rows.astype(np.float32) / np.float32(65535)
    alpha = None
    if pixels.alpha:
        opaque = np.full((*rows.shape[:2], 1), 255 if rows.dtype == np.uint8 else 1, rows.dtype)
        alpha = rows[..., picture.colors :] if picture.alpha else opaque
    rows = rows[..., : picture.colors]
    if rows.shape[2] == pixels.colors:
        return rows, alpha
    if pixels.colors == 3:
        return np.broadcast_to(rows, (*rows.shape[:2], 3)), alpha
    return rows.mean(2, keepdims=True).astype(rows.dtype), alpha

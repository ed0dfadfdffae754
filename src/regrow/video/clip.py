"""A clip: its properties, known before a frame is read, and its frames in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from regrow.video.pixels import Pixels


@dataclass(frozen=True)
class Frame:
    """One frame: (H, W, 3 or 1), uint8 or float32 in [0, 1]; its time and duration, in time bases."""

    pixels: np.ndarray
    time: int
    duration: int
    number: int
    """From 0 on."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """An opened clip. Each call of `read()` starts from the first frame; a stream can be read once."""

    name: str
    width: int
    height: int
    """Size of a frame as stored."""
    pixels: Pixels
    time_base: Fraction
    """Time base in seconds."""
    rate: Fraction
    """Frames a second, on average."""
    count: int | None
    """Number of frames as the file states, or estimated from its duration; not exact."""
    matrix: tuple[int, ...] | None = None
    """FFmpeg's display matrix of nine numbers, by which players turn frames; None where they do not."""
    aspect: Fraction | None = None
    """Pixel aspect ratio, width over height; None where the file does not state it."""
    metadata: dict[str, str] = field(default_factory=dict)
    xmp: bytes | None = None
    """Metadata of the first frame, where frames are pictures."""
    notes: tuple[str, ...] = ()
    """Remarks on what was left out or changed."""
    read: Callable[[], Iterator[Frame]] = field(repr=False)

    @property
    def turns(self) -> int:
        """Number of quarter turns, counter-clockwise, by which players turn frames."""
        if self.matrix is None:
            return 0
        a, b = self.matrix[0], self.matrix[1]
        return round(np.arctan2(-b, a) / (np.pi / 2)) % 4

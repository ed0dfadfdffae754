"""A clip: what is known of it before a frame is read, and its frames one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from regrow.video.pixels import Pixels


@dataclass(frozen=True)
class Frame:
    """One frame: (H, W, 3 or 1), uint8 or float32 in [0, 1]; when it is shown and for how long, in time bases."""

    pixels: np.ndarray
    time: int
    duration: int
    number: int
    """From 0 on."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """An opened clip. `read()` goes through it from the start, each time it is called; a stream once."""

    name: str
    width: int
    height: int
    """Of a frame, as stored."""
    pixels: Pixels
    time_base: Fraction
    """Seconds."""
    rate: Fraction
    """Frames a second, on average."""
    count: int | None
    """Frames, as the file says or its length suggests; not to be relied upon."""
    matrix: tuple[int, ...] | None = None
    """How players turn frames: FFmpeg's display matrix of nine numbers; None where they do not."""
    aspect: Fraction | None = None
    """Width of a pixel over its height; None where the file does not say."""
    metadata: dict[str, str] = field(default_factory=dict)
    xmp: bytes | None = None
    """Of the first frame, where frames are pictures."""
    notes: tuple[str, ...] = ()
    """What had to be left out or is not as it seems, in words."""
    read: Callable[[], Iterator[Frame]] = field(repr=False)

    @property
    def turns(self) -> int:
        """Quarter turns, counter-clockwise, that players give frames."""
        if self.matrix is None:
            return 0
        a, b = self.matrix[0], self.matrix[1]
        return round(np.arctan2(-b, a) / (np.pi / 2)) % 4

"""A clip: its properties, known before a frame is read, and its frames in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from regrow.video.light import Light
from regrow.video.orientation import Matrix, quarter_turns, shown, swaps_sides
from regrow.video.pixels import Pixels


@dataclass(frozen=True)
class Frame:
    """One frame: (H, W, 3 or 1), uint8 or float32 in [0, 1]; its time and duration, in time bases."""

    pixels: np.ndarray
    time: int
    duration: int
    number: int
    """From 0 on."""
    alpha: np.ndarray | None = None
    """(H, W, 1) of the same type, where the clip has an alpha channel."""

    def shown(self, matrix: Matrix | None) -> Frame:
        """As players show it."""
        alpha = None if self.alpha is None else shown(self.alpha, matrix)
        return replace(self, pixels=shown(self.pixels, matrix), alpha=alpha)


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
    matrix: Matrix | None = None
    """FFmpeg's display matrix of nine numbers, by which players turn frames; None where they do not."""
    aspect: Fraction | None = None
    """Pixel aspect ratio, width over height; None where the file does not state it."""
    light: Light | None = None
    """Mastering display and light level of HDR; None where the file does not state them."""
    fields: int = 0
    """FFmpeg's number for the order of fields; 0 where the file does not state it."""
    metadata: dict[str, str] = field(default_factory=dict)
    xmp: bytes | None = None
    passport: bytes | None = None
    """Metadata of the first frame, where frames are pictures."""
    notes: tuple[str, ...] = ()
    """Remarks on what was left out or changed."""
    once: bool = False
    """Whether it is a stream, which can be read once."""
    read: Callable[[], Iterator[Frame]] = field(repr=False)

    @property
    def turns(self) -> int:
        """Number of quarter turns, counter-clockwise, by which players turn frames."""
        return quarter_turns(self.matrix)

    def upright(self) -> Clip:
        """The clip as players show it, for what cannot tell them to turn frames."""
        matrix = self.matrix
        if matrix is None:
            return self
        size, aspect = (self.width, self.height), self.aspect
        if swaps_sides(matrix):
            size, aspect = (self.height, self.width), aspect and 1 / aspect

        def read() -> Iterator[Frame]:
            return (frame.shown(matrix) for frame in self.read())

        pixels = self.pixels.at_height(self.height, size[1])
        return replace(self, width=size[0], height=size[1], pixels=pixels, aspect=aspect, matrix=None, read=read)

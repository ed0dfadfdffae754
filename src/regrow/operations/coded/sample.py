"""What a rate search looks at: the picture, or tiles of it where it is large."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

TILE = 384
"""Side of a tile in pixels: whole blocks of the codec at every scale."""
TILES = 8


@dataclass(frozen=True)
class Sample:
    """A picture, or tiles of it side by side, in which a codec at a quality spends as much and loses as much."""

    pixels: np.ndarray
    """(h, w, 1 or 3, and perhaps alpha) uint8."""
    share: float
    """How much of the picture it is, from 0 to 1."""

    @property
    def whole(self) -> bool:
        """Whether it is the picture."""
        return self.share == 1

    @property
    def alpha(self) -> bool:
        """Whether there is transparency."""
        return self.pixels.shape[2] in (2, 4)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.pixels.shape[0] * self.pixels.shape[1]

    def psnr(self, grown: np.ndarray) -> float:
        """PSNR in dB of an (h, w, bands) uint8 picture against this, over all colours; what hides counts nothing."""
        a, b = (self._seen(picture) for picture in (grown, self.pixels))
        error = float(np.mean((a - b) ** 2))
        return 10 * math.log10(255**2 / error) if error else math.inf

    def _seen(self, picture: np.ndarray) -> np.ndarray:
        floats = picture.astype(np.float32)
        return floats[..., :-1] * (floats[..., -1:] / 255) if self.alpha else floats


def sampled(pixels: np.ndarray, limit: int) -> Sample:
    """(H, W, bands) uint8 -> the whole of a small picture, `TILES` tiles of a large one, evenly spaced.

    Of a narrow picture with a side beyond a limit, that of the codec, there are as many tiles as that allows.
    """
    height, width = pixels.shape[:2]
    fits, narrow = max(height, width) <= limit, min(height, width) < TILE
    if fits and (narrow or height * width <= 1.5 * TILES * TILE**2):
        return Sample(pixels, 1.0)
    across = min(max(1, round(math.sqrt(TILES * width / height))), TILES, width // TILE)
    down = min(-(-TILES // max(across, 1)), height // TILE)
    if narrow:
        across, down = (min(side, limit) // TILE for side in (width, height))
    lefts, tops = (_spread(n, max(count, 1)) for n, count in ((width, across), (height, down)))
    tiles = [[pixels[top : top + TILE, left : left + TILE] for left in lefts] for top in tops]
    joined = np.concatenate([np.concatenate(row, 1) for row in tiles], 0)
    return Sample(joined, joined.shape[0] * joined.shape[1] / (height * width))


def _spread(side: int, count: int) -> list[int]:
    """Where so many tiles begin, in the middles of equal parts of a side; a shorter side than a tile is one."""
    return [max(0, round((i + 0.5) * side / count - TILE / 2)) for i in range(count)]

"""Rows of pictures: the samples of their files, and the numbers that nets take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from regrow.size import Size

Samples = type[np.uint8] | type[np.uint16] | type[np.float32]

Net = Callable[[np.ndarray], np.ndarray]
"""What is done to a picture or a tile: (h, w, c) float32 in [0, 1] to (H, W, C) float32."""

_PEAKS: dict[type, int] = {np.uint8: 255, np.uint16: 65535}

TILE = 512
"""Default side of a tile, in pixels of the larger picture."""


def to_float(rows: Iterable[np.ndarray], channels: int, wanted: int, frames: int = 1) -> Iterator[np.ndarray]:
    """Convert to [0, 1], with as many channels a frame as the model takes."""
    for block in rows:
        if block.dtype.kind == "u":
            block = block.astype(np.float32) / np.float32(np.iinfo(block.dtype).max)
        yield _with_channels(block, channels, wanted, frames)


def to_dtype(block: np.ndarray, channels: int, wanted: int, dtype: Samples, frames: int = 1) -> np.ndarray:
    """Convert from [0, 1], with the given channels a frame, clamped and, for integers, rounded."""
    x = np.clip(_with_channels(block, channels, wanted, frames), 0, 1)
    if peak := _PEAKS.get(dtype):
        x *= peak
        np.rint(x, out=x)
    return x.astype(dtype, copy=False)


def _with_channels(block: np.ndarray, channels: int, wanted: int, frames: int) -> np.ndarray:
    """Grey is repeated for three channels, and three are averaged to grey, frame by frame; alpha stays.

    (n, width, frames * channels, and perhaps alpha) -> (n, width, frames * wanted, and alpha).
    """
    if channels == wanted:
        return block
    last = frames * channels
    means = [block[..., first : first + channels].mean(-1, keepdims=True) for first in range(0, last, channels)]
    return np.concatenate([mean for mean in means for _ in range(wanted)] + [block[..., last:]], axis=-1)


def tile_side(tile: int, larger: Size) -> int:
    """Side of tiles: less for pictures so wide that a strip of them would have more than 8 megapixels."""
    if larger.width * min(tile, larger.height) <= 2**23:
        return tile
    return min(tile, max(64, 2**23 // larger.width))

"""Pictures of any size for models that need multiples: padding, cropping and resampling, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from regrow.cubic import REACH, keys
from regrow.inference.tiling import Band
from regrow.inference.transparency import joined, parted
from regrow.size import Size

ROWS = 64
"""Number of rows of the result that are resampled at a time."""

Kernel = tuple[Callable[[np.ndarray], np.ndarray], int]
"""A filter's kernel, and its reach in pixels."""


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - np.abs(x))


CUBIC = keys, REACH
"""Keys' kernel with a = -0.5, and its reach."""
TRIANGLE = _triangle, 1


def fitted(full: int, small: int, scale: int) -> int:
    """The length of a side of `full` pixels before it is shrunk by `scale` to `small` pixels.

    Where `small` is `full` divided and rounded up, nothing is resampled: the side keeps its length, and is padded
    to a multiple. Any other small side comes from resampling to exactly `small * scale`.
    """
    return full if small == -(-full // scale) else small * scale


def padded(rows: Iterable[np.ndarray], size: Size) -> Iterator[np.ndarray]:
    """Repeat the last column and row up to a size."""
    width, height = size
    done, block = 0, None
    for block in rows:
        done += len(block)
        yield np.pad(block, ((0, 0), (0, width - block.shape[1]), (0, 0)), mode="edge")
    if block is not None and done < height:
        yield np.pad(block[-1:], ((0, height - done - 1), (0, width - block.shape[1]), (0, 0)), mode="edge")


def cropped(rows: Iterable[np.ndarray], size: Size) -> Iterator[np.ndarray]:
    """Crop, keeping the top left."""
    width, height = size
    for block in rows:
        if height <= 0:
            return
        yield block[:height, :width]
        height -= len(block)


def resized(rows: Iterable[np.ndarray], size: Size, wanted: Size, colors: int) -> Iterator[np.ndarray]:
    """Antialiased resampling of pictures that may have transparency: colours are weighted by alpha.

    Args:
        rows: (n, width, colors and perhaps alpha) float32, top to bottom.
        size, wanted: size of the picture before and after.
        colors: number of bands that are not alpha.

    Yields:
        (n, wanted width, bands) float32, top to bottom.
    """
    if size == wanted:
        return iter(rows)
    return joined(resampled(parted(rows, size, colors), size, wanted, colors), colors)


def resampled(
    rows: Iterable[np.ndarray], size: Size, wanted: Size, colors: int, kernel: Kernel = CUBIC
) -> Iterator[np.ndarray]:
    """Antialiased resampling, the same as `regrow.nets.ops.resample.bicubic`, in bounded memory.

    Args:
        rows: (n, width, bands) float32, top to bottom. Where there are more bands than colours, the last is alpha,
            whose ringing is cut off: opaque pixels stay opaque and transparent ones transparent.
        size, wanted: size of the picture before and after.
        colors: number of bands of a picture without alpha.
        kernel: Keys' cubic, or another.

    Yields:
        (n, wanted width, bands) float32, top to bottom.
    """
    if size == wanted:
        yield from rows
        return
    across, (index, weight) = taps(size.width, wanted.width, *kernel), taps(size.height, wanted.height, *kernel)
    # The first row that this or a later row of the result looks at.
    needed = np.minimum.accumulate(index.min(1)[::-1])[::-1]
    band = Band(_weighted(*across, block, axis=1) for block in rows)
    for top in range(0, wanted.height, ROWS):
        part = slice(top, top + ROWS)
        first, last = int(needed[top]), int(index[part].max()) + 1
        found = _weighted(index[part] - first, weight[part], band.rows(first, last), axis=0)
        if found.shape[-1] > colors:
            found[..., -1] = _whole(found[..., -1])
        yield found


def _whole(alpha: np.ndarray) -> np.ndarray:
    """Alpha within [0, 1], exactly 0 or 1 where only the sum of weights makes it differ."""
    whole = alpha.round()
    return np.where(np.abs(alpha - whole) < 1e-5, whole, alpha).clip(0, 1)


def _weighted(index: np.ndarray, weight: np.ndarray, block: np.ndarray, *, axis: int) -> np.ndarray:
    """Sums of samples along an axis: result[i] = sum over k of weight[i, k] * block[index[i, k]]."""
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = np.zeros((1, 1, 1), np.float32)
    for k in range(index.shape[1]):
        total = total + np.take(block, index[:, k], axis=axis) * weight[:, k].reshape(shape)
    return total


def taps(n: int, m: int, kernel: Callable[[np.ndarray], np.ndarray], reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and weights of the samples, of n, that make each of m: two (m, k) arrays, integers and float32.

    The kernel is widened by n / m when shrinking; beyond the ends samples are mirrored, the end sample repeated.
    """
    step = n / m
    wide = max(1.0, step)
    centre = (np.arange(m) + 0.5) * step - 0.5
    index = np.floor(centre - reach * wide).astype(np.int64)[:, None] + np.arange(int(2 * reach * wide) + 2)
    weight = kernel((centre[:, None] - index) / wide)
    weight /= weight.sum(1, keepdims=True)
    index %= 2 * n
    return np.where(index >= n, 2 * n - 1 - index, index), weight.astype(np.float32)

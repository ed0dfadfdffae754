"""Filtering pictures with transparency: colours are weighted by alpha, and what hides below stays hidden.

Where a filter looks at a cut-out's edge, it must not see the colours that hide under full transparency: they would
bleed into the edge as a rim. They are not to be lost either. So a picture goes through a filter twice, where that
makes a difference: with hidden colours replaced by those of visible pixels near them, and as it is stored. The result
has the colours of the first wherever anything is visible, and those of the second where its alpha is 0 in 8 bits.

Pictures with alpha have bands (colours, alpha) outside and (colours to see, colours as stored, alpha) on their way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from regrow.inference.pooling import around, box_mean, largest
from regrow.inference.rows import Net
from regrow.inference.tiling import Band
from regrow.size import Size

RADII = (1, 2, 4, 8, 16)
"""Of the squares in which visible pixels are looked for, smallest first."""
TRUSTED = 1 / 16
"""Alpha from which a pixel's own colour counts fully: below, 8 bits of premultiplied colour say too little."""
COVERED = 1 / 8
"""Share of visible pixels from which the mean over a square counts fully."""
HIDDEN = 1 / 510
"""Alpha below which nothing is visible: it becomes 0 in 8 bits."""
ROWS = 64
"""Rows that are worked on at a time."""


def parted(rows: Iterable[np.ndarray], size: Size, colors: int) -> Iterator[np.ndarray]:
    """Rows of a picture as filters are to see it.

    Args:
        rows: (n, width, colors and perhaps alpha) float32 in [0, 1], top to bottom.
        size: of the picture.
        colors: number of bands that are not alpha.

    Yields:
        (n, width, 2 * colors + 1); rows without alpha as they came.
    """
    source = iter(rows)
    first = next(source, None)
    if first is None:
        return
    if first.shape[-1] == colors:
        yield first
        yield from source
        return
    band, reach = Band(_again(first, source)), RADII[-1]
    for top in range(0, size.height, ROWS):
        bottom = min(top + ROWS, size.height)
        above, below = max(0, top - reach), min(size.height, bottom + reach)
        window, own = band.rows(above, below), slice(top - above, bottom - above)
        stored, alpha = window[own, :, :colors], window[own, :, colors:]
        seen = stored if alpha.min() == 1 else filled(window, colors)[own]
        yield np.concatenate((seen, stored, alpha), axis=-1)


def joined(rows: Iterable[np.ndarray], colors: int) -> Iterator[np.ndarray]:
    """Rows of a result as it is stored: (n, width, 2 * colors + 1) to (n, width, colors + 1); others as they come."""
    for block in rows:
        if block.shape[-1] == colors:
            yield block
            continue
        seen, stored, alpha = block[..., :colors], block[..., colors : 2 * colors], block[..., 2 * colors :]
        yield np.concatenate((np.where(alpha < HIDDEN, stored, seen), alpha), axis=-1)


def filled(pixels: np.ndarray, colors: int) -> np.ndarray:
    """Colours in which those that are hidden are replaced by the mean of visible ones near them, weighted by alpha.

    Args:
        pixels: (h, w, colors + 1) float32 in [0, 1].
        colors: number of bands that are not alpha.

    Returns:
        (h, w, colors) float32. Pixels from which nothing visible is within 16 keep their colour.
    """
    color, alpha = pixels[..., :colors], pixels[..., colors:]
    weight = (alpha / TRUSTED).clip(max=1)
    found, open_ = color * weight, 1 - weight
    for radius in RADII:
        mean = box_mean(np.concatenate((color * alpha, alpha), -1), radius)
        total, visible = mean[..., :colors], mean[..., colors:]
        share = open_ * (visible / COVERED).clip(0, 1)
        found += share * (total / visible.clip(min=1e-6))
        open_ = open_ - share
    return found + open_ * color


def through(color: Net, alpha: Net, colors: int, tile: np.ndarray) -> np.ndarray:
    """Take a tile, (h, w, bands) as `parted` gives it, through a filter of its colours and one of alpha."""
    seen = tile[..., :colors]
    found = color(seen)
    if tile.shape[-1] == colors:
        return found
    stored = tile[..., colors : 2 * colors]
    hidden = found if np.array_equal(seen, stored) else color(stored)
    return np.concatenate((found, hidden, alpha(tile[..., 2 * colors :])), -1)


def by_net(net: Net, colors: int, factors: Sequence[float]) -> Net:
    """The filter of alpha that a net of pictures is: alpha is a grey picture, and what is constant stays so.

    Args:
        net: of pictures.
        colors: channels that it takes.
        factors: height and width of its result, relative to what it takes.
    """

    def run(alpha: np.ndarray) -> np.ndarray:
        size = round(alpha.shape[0] * factors[0]), round(alpha.shape[1] * factors[1])
        most, least = _reduced(around(alpha), size), -_reduced(around(-alpha), size)
        if np.array_equal(most, least):
            return most
        found = net(np.repeat(alpha, colors, -1)).mean(-1, keepdims=True)
        return found.clip(least, most)

    return run


def _reduced(bound: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest value around each pixel, for a picture of another (height, width)."""
    if size[0] < bound.shape[0] or size[1] < bound.shape[1]:
        return largest(bound, size)
    rows, columns = ((2 * np.arange(m) + 1) * n // (2 * m) for n, m in zip(bound.shape, size, strict=False))
    return bound[rows][:, columns]


def _again(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest

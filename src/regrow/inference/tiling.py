"""Running a model over a picture of any size, strip by strip, in bounded memory and without seams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from regrow.size import Size


@dataclass(frozen=True)
class Tiling:
    """How the pictures of a model may be cut into tiles.

    A *cell* is the smallest unit that can be cut: `cell_in` pixels (down, across) of the input become `cell_out` of the
    result (2x2 and 1x1 when shrinking by 2; 1x1 and 2x2 when growing). A cell of the result depends on cells up to
    `halo` away and no others. Tiles with that overlap therefore equal the whole, except for the order of floating-point
    sums.
    """

    cell_in: tuple[int, int]
    cell_out: tuple[int, int]
    halo: int
    tile: int
    """Side of a tile's result in cells, at least 1. Where a picture is narrower, tiles are longer, so that they have as
    many cells."""


def run_tiled(
    rows: Iterable[np.ndarray], size: Size, run: Callable[[np.ndarray], np.ndarray], tiling: Tiling
) -> Iterator[np.ndarray]:
    """Apply `run` to a picture that arrives in rows and give the result in rows.

    Args:
        rows: (n, width, bands) arrays of any heights, top to bottom, whose heights sum to that of the picture.
        size: size of the picture in pixels, both sides whole cells.
        run: (h, w, bands) -> (h', w', bands'), h and w whole cells, h' and w' as many cells of the result.
        tiling: where to cut.

    Yields:
        (n, cells across * cell_out[1], bands') arrays, top to bottom. Memory holds the rows of one strip
        of tiles and its halo, and the rows of one strip of the result.
    """
    down, across = size.height // tiling.cell_in[0], size.width // tiling.cell_in[1]
    tall, wide = (tiling.tile * max(1, tiling.tile // other) for other in (across, down))
    band = Band(rows)
    for top in range(0, down, tall):
        bottom = min(top + tall, down)
        first, last = max(0, top - tiling.halo), min(down, bottom + tiling.halo)
        strip = band.rows(first * tiling.cell_in[0], last * tiling.cell_in[0])
        tiles = [
            _run_tile(strip, left, min(left + wide, across), (top - first, bottom - first), run, tiling)
            for left in range(0, across, wide)
        ]
        yield tiles[0] if len(tiles) == 1 else np.concatenate(tiles, axis=1)


def _run_tile(
    strip: np.ndarray,
    left: int,
    right: int,
    vertical: tuple[int, int],
    run: Callable[[np.ndarray], np.ndarray],
    tiling: Tiling,
) -> np.ndarray:
    """One tile of a strip: cut with its halo, run, cut back. Positions are in cells."""
    first = max(0, left - tiling.halo)
    last = min(strip.shape[1] // tiling.cell_in[1], right + tiling.halo)
    result = run(strip[:, first * tiling.cell_in[1] : last * tiling.cell_in[1]])
    spans = zip((vertical, (left - first, right - first)), tiling.cell_out, strict=True)
    y, x = (slice(a * cell, b * cell) for (a, b), cell in spans)
    return result[y, x]


class Band:
    """A window over rows that arrive one after another; rows above the window are dropped."""

    def __init__(self, rows: Iterable[np.ndarray]) -> None:
        self.source = iter(rows)
        self.top = 0
        self.blocks: list[np.ndarray] = []

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows first to last (exclusive); `first` never goes back."""
        while self.blocks and self.top + len(self.blocks[0]) <= first:
            self.top += len(self.blocks.pop(0))
        if self.blocks:
            self.blocks[0] = self.blocks[0][first - self.top :]
            self.top = first
        bottom = self.top + sum(map(len, self.blocks))
        while bottom < last:
            self.blocks.append(next(self.source))
            bottom += len(self.blocks[-1])
        if len(self.blocks) > 1:
            self.blocks = [np.concatenate(self.blocks)]
        return self.blocks[0][first - self.top : last - self.top]

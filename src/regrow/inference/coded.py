"""Shrinking a picture for a lossy codec by a net, tile by tile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.backends import pytorch
from regrow.inference.pooling import mean
from regrow.inference.precision import in_bfloat16
from regrow.inference.resize import cropped, padded
from regrow.inference.rows import TILE, to_dtype, to_float
from regrow.inference.tiling import Tiling, run_tiled
from regrow.inference.transparency import joined, parted, through
from regrow.size import Size, small_size

if TYPE_CHECKING:
    from regrow.nets.restore.codec_shrinker import CodecShrinker


def coded_rows(
    rows: Iterable[np.ndarray], size: Size, channels: int, model: CodecShrinker, tile: int = 2 * TILE
) -> Iterator[np.ndarray]:
    """Shrink a picture that arrives in rows for the codec that the net is told of.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom. Bands are the channels, and perhaps
            alpha, which is averaged.
        size: size of the picture; sides are extended to a multiple of the scale first.
        channels: 1 or 3.
        model: the net, told of the file, on the device it is to run on.
        tile: side of a tile in pixels of the picture.

    Yields:
        (n, small width, bands) uint8, top to bottom.
    """
    small = small_size(size, (model.scale, model.scale))
    whole = Size(*(-(-n // model.cell) * model.cell for n in size))
    floats = padded(parted(to_float(rows, channels, 3), size, 3), whole)
    alpha = partial(_averaged, cell=model.cell, shuffle=model.shuffle)
    run = partial(through, pytorch.of_arrays(in_bfloat16(model), model.device), alpha, 3)
    cells = max(1, tile // model.cell // model.grid) * model.grid
    tiling = Tiling((model.cell, model.cell), (model.shuffle, model.shuffle), model.halo, cells)
    strips = joined(cropped(run_tiled(floats, whole, run, tiling), small), 3)
    return (to_dtype(block, 3, channels, np.uint8) for block in strips)


def _averaged(alpha: np.ndarray, cell: int, shuffle: int) -> np.ndarray:
    return mean(alpha, (alpha.shape[0] // cell * shuffle, alpha.shape[1] // cell * shuffle))

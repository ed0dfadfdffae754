"""Run a pair of nets for any scale over a picture that arrives in rows, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.resize import resized
from regrow.inference.rows import TILE, Samples, to_dtype, to_float
from regrow.inference.tiling import Band
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.ops.bank import Side
    from regrow.nets.rescale.any_scale import AnyScale

    Sides = tuple[Side, Side]


def shrink_rows(
    rows: Iterable[np.ndarray], size: Size, channels: int, model: AnyScale, small: Size, tile: int = TILE
) -> Iterator[np.ndarray]:
    """Shrink a picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom, the last of 2 or 4 bands being alpha.
        size: size of the picture; any, at least 1x1.
        channels: of the picture, 1 or 3.
        model: the pair, on the device it is to run on.
        small: size of the result.
        tile: side of a tile in pixels of the picture.

    Yields:
        (n, small width, bands) uint8, top to bottom.
    """
    from regrow.nets.ops.bank import Side, fulls_for

    def part(full: int, less: int, first: int, last: int) -> tuple[Side, tuple[int, int]]:
        first, last = max(0, first - model.halo), min(less, last + model.halo)
        fulls = fulls_for(full, less, (first, last))
        return Side(full, less, fulls, (first, last)), fulls

    floats, originals = tee(to_float(rows, channels, 3))
    base = Band(resized(originals, size, small, 3))
    step = max(8, int(tile * min(small.width / size.width, small.height / size.height)))
    strips = _strips(floats, size, small, step, part, model.hidden, model, lambda side: side.smalls)
    for top, details in strips:
        block = base.rows(top, top + len(details)).copy()
        block[..., :3] += details
        yield to_dtype(block, 3, channels, np.uint8)


def grow_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    grown: Size,
    channels: int,
    model: AnyScale,
    dtype: Samples = np.uint8,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """Grow a small picture that arrives in rows.

    Args:
        rows: as for `shrink_rows`.
        size: size of the small picture.
        grown: size of the result.
        channels: of both, 1 or 3.
        model: the pair, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile: side of a tile in pixels of the result.

    Yields:
        (n, grown width, bands) of that dtype, top to bottom.
    """
    from regrow.nets.ops.bank import Side, smalls_for

    def part(less: int, full: int, first: int, last: int) -> tuple[Side, tuple[int, int]]:
        low, high = smalls_for(full, less, (first, last))
        smalls = max(0, low - model.halo), min(less, high + model.halo)
        return Side(full, less, (first, last), smalls), smalls

    floats, originals = tee(to_float(rows, channels, 3))
    base = Band(resized(originals, size, grown, 3))
    strips = _strips(floats, size, grown, tile, part, model.details, model, lambda side: side.fulls)
    for top, details in strips:
        block = base.rows(top, top + len(details)).copy()
        block[..., :3] += details
        yield to_dtype(block, 3, channels, dtype)


def _strips(
    rows: Iterable[np.ndarray],
    size: Size,
    wanted: Size,
    step: int,
    part: Callable[[int, int, int, int], tuple[Side, tuple[int, int]]],
    run: Callable[[Tensor, Sides], Tensor],
    model: AnyScale,
    made: Callable[[Side], tuple[int, int]],
) -> Iterator[tuple[int, np.ndarray]]:
    """Strips of what a net makes of a picture: where each begins, and (n, width, 3) float32.

    Args:
        rows: (n, width, bands) float32, of which the first three are colours.
        size, wanted: size of the picture, and of the result.
        step: side of a tile of the result.
        part: of a side's lengths before and after, and of what is wanted of it, the part that a tile needs, and which
            pixels of the picture that takes.
        run: the net.
        made: which pixels of the result a part makes, some of them perhaps beyond what is wanted.
    """
    import torch

    band = Band(rows)
    for top in range(0, wanted.height, step):
        bottom = min(top + step, wanted.height)
        down, (first, last) = part(size.height, wanted.height, top, bottom)
        strip, tiles = band.rows(first, last), []
        for left in range(0, wanted.width, step):
            right = min(left + step, wanted.width)
            across, (begin, end) = part(size.width, wanted.width, left, right)
            x = torch.from_numpy(np.ascontiguousarray(strip[:, begin:end, :3])).to(model.device).permute(2, 0, 1)[None]
            with torch.inference_mode():
                tile = run(x, (down, across))[0].permute(1, 2, 0).cpu().numpy()
            y, x0 = made(down)[0], made(across)[0]
            tiles.append(tile[top - y : bottom - y, left - x0 : right - x0])
        yield top, np.concatenate(tiles, 1)

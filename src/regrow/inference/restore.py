"""Run a restorer over a picture that arrives in rows, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.backends import pytorch
from regrow.inference.ensemble import self_ensemble
from regrow.inference.precision import in_bfloat16
from regrow.inference.resize import cropped, padded
from regrow.inference.rows import TILE, Net, Samples, tile_side, to_dtype, to_float
from regrow.inference.tiling import Tiling, run_tiled
from regrow.inference.transparency import by_net, joined, parted, through
from regrow.size import Size, grown_size

if TYPE_CHECKING:
    from regrow.nets.upscale.base import Restorer


def restore_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: Restorer,
    dtype: Samples = np.uint8,
    tile: int | None = None,
    ensemble: bool = False,
    seen: Callable[[Net], Net] | None = None,
) -> Iterator[np.ndarray]:
    """Run a restorer, which enlarges or keeps the size, over a picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom. Bands are the channels of as many
            frames as the model takes, one after another, and perhaps alpha, which is enlarged too.
        size: size of the picture.
        channels: channels of a frame, 1 or 3, and of the result.
        model: the net, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile: side of a tile in pixels of the result; when None, `TILE` or the model's own tile, the larger.
        ensemble: the mean over flips and transposes of each tile, in eight times the time.
        seen: how the net sees a tile: makes what is done to tiles of the net.

    Yields:
        (n, width * scale, bands) of that dtype, top to bottom; sides that are no whole number are rounded down.
    """
    color, scale = pytorch.of_arrays(in_bfloat16(model), model.device), model.scale
    larger, smaller = scale.as_integer_ratio()
    if ensemble:
        color = self_ensemble(color)
    if seen is not None:
        color = seen(color)
    alpha = by_net(lambda x: color(np.tile(x, model.frames)), 3, (scale, scale)) if scale > 1 else _same
    run = partial(through, color, alpha, 3 * model.frames)
    grown, whole = grown_size(size, (scale, scale)), Size(*(-(-n // smaller) * smaller for n in size))
    side = tile_side(tile or max(TILE, int((model.tile or 0) * scale)), grown)
    cells = max(1, int(side / scale) // model.grid) * model.grid // smaller
    floats = padded(parted(to_float(rows, channels, 3, model.frames), size, 3 * model.frames), whole)
    strips = run_tiled(floats, whole, run, Tiling((smaller, smaller), (larger, larger), model.halo // smaller, cells))
    return (to_dtype(block, 3, channels, dtype) for block in joined(cropped(strips, grown), 3))


def _same(alpha: np.ndarray) -> np.ndarray:
    return alpha

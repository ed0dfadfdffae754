"""Run a rescaler over a picture that arrives in rows, tile by tile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

from regrow.inference import any_scale, fixed_scale
from regrow.inference.rows import TILE, Samples
from regrow.size import Size

if TYPE_CHECKING:
    from regrow.nets.rescale.base import FixedScale, Rescaler


def shrink_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: Rescaler,
    small: Size,
    tile: int = TILE,
    refine: int = 0,
    frames: int = 1,
    alpha: Rescaler | None = None,
) -> Iterator[np.ndarray]:
    """Shrink a picture, or a group of frames of a clip, that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom. Bands are the channels of one frame
            after another, and perhaps alpha.
        size: size of the picture; any, at least 1x1.
        channels: channels of a frame, 1 or 3.
        model: the rescaler, on the device it is to run on.
        small: size of the result.
        tile: side of a tile in pixels of the larger picture of each application.
        refine: number of iterations of refinement of the small picture, 0 for none.
        frames: number of frames, at most as many as the model takes together.
        alpha: what shrinks alpha, with the same factors. When None, a model for any scale shrinks it itself; else it is
            averaged.

    Yields:
        (n, small width, bands) uint8, top to bottom; as many channels a frame as both picture and small pictures have.
    """
    from regrow.nets.rescale.any_scale import AnyScale

    if isinstance(model, AnyScale):
        return any_scale.shrink_rows(rows, size, channels, model, small, tile, refine)
    model, alpha = cast("FixedScale", model), cast("FixedScale | None", alpha)
    return fixed_scale.shrink_rows(rows, size, channels, model, small, tile, refine, frames, alpha)


def grow_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    grown: Size,
    channels: int,
    result_channels: int,
    model: Rescaler,
    dtype: Samples = np.uint8,
    tile: int = TILE,
    frames: int = 1,
    alpha: Rescaler | None = None,
) -> Iterator[np.ndarray]:
    """Grow a small picture, or frames of a clip that were shrunk together, from rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom. Bands are the channels of one frame
            after another, and perhaps alpha. Where the model takes one channel and there are three, as in formats
            without grey, their mean is taken.
        size: size of the small picture.
        grown: size of the result.
        channels: channels of a small frame, 1 or 3.
        result_channels: channels of a frame of the result, 1 or 3, at most the model's.
        model: the rescaler, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile, frames: as for `shrink_rows`.
        alpha: what grows alpha, the model that shrank it. When None, a model for any scale grows it itself; else it is
            enlarged bilinearly.

    Yields:
        (n, grown width, bands) of that dtype, top to bottom.
    """
    from regrow.nets.rescale.any_scale import AnyScale

    if isinstance(model, AnyScale):
        return any_scale.grow_rows(rows, size, grown, channels, result_channels, model, dtype, tile)
    model, alpha = cast("FixedScale", model), cast("FixedScale | None", alpha)
    return fixed_scale.grow_rows(rows, size, grown, channels, result_channels, model, dtype, tile, frames, alpha)

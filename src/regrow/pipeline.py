"""Rows of a picture through a rescaler and out again: numbers to tensors and back, step by step, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from regrow.tiling import Tiling, run_tiled

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from regrow.nets.rescale.base import Rescaler

Samples = type[np.uint8] | type[np.uint16] | type[np.float32]

_PEAKS: dict[type, np.float32] = {np.uint8: np.float32(255), np.uint16: np.float32(65535)}

TILE = 512
"""Default side of a tile, in pixels of the larger picture."""


def shrink_rows(
    rows: Iterable[np.ndarray], width: int, height: int, colours: int, model: Rescaler, tile: int = TILE
) -> Iterator[np.ndarray]:
    """Shrink a picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom; bands are 1 or 3 colours and perhaps
            alpha.
        width, height: of the picture, in pixels; any, at least 1.
        colours: 1 or 3.
        model: the rescaler, on the device it is to run on.
        tile: side of a tile in pixels of the larger picture of each step.

    Yields:
        (n, ceil(width / scale), bands) uint8, top to bottom, ceil(height / scale) rows in all.
    """
    floats = _to_float(rows, colours)
    width, height = (-(-n // model.scale) * model.scale for n in (width, height))
    floats = _padded(floats, width, height)
    for step in range(model.steps):
        run = partial(_run, partial(model.shrink_once, step=step), partial(_halve, factor=model.factor), model.device)
        floats = run_tiled(floats, width, height, run, Tiling(model.factor, 1, model.halo, _cells(tile, model)))
        width, height = width // model.factor, height // model.factor
    return (_to_dtype(block, colours, np.uint8) for block in floats)


def grow_rows(
    rows: Iterable[np.ndarray],
    size: tuple[int, int],
    grown: tuple[int, int],
    colours: int,
    model: Rescaler,
    dtype: Samples = np.uint8,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """Grow a small picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom; bands are 1 or 3 colours and perhaps
            alpha.
        size: (width, height) of the small picture.
        grown: (width, height) of the result, at most `scale` times that.
        colours: 1 or 3.
        model: the rescaler, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile: as for `shrink_rows`.

    Yields:
        (n, grown width, bands) of that dtype, top to bottom.
    """
    floats = _to_float(rows, colours)
    width, height = size
    for step in reversed(range(model.steps)):
        run = partial(_run, partial(model.grow_once, step=step), partial(_double, factor=model.factor), model.device)
        floats = run_tiled(floats, width, height, run, Tiling(1, model.factor, model.halo, _cells(tile, model)))
        width, height = width * model.factor, height * model.factor
    return (_to_dtype(block, colours, dtype) for block in _cropped(floats, *grown))


def _cells(tile: int, model: Rescaler) -> int:
    return max(1, tile // model.factor)


def _run(
    colours: Callable[[Tensor], Tensor], alpha: Callable[[Tensor], Tensor], device: torch.device, tile: np.ndarray
) -> np.ndarray:
    """(h, w, 3 or 4) float32 through a map of colours and one of alpha."""
    import torch

    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(tile)).to(device).permute(2, 0, 1)[None]
        y = colours(x[:, :3])
        if x.shape[1] == 4:
            y = torch.cat([y, alpha(x[:, 3:])], 1)
        return np.asarray(y[0].permute(1, 2, 0).cpu().numpy())


def _halve(alpha: Tensor, factor: int) -> Tensor:
    """Alpha is averaged: the opaque stays opaque and the transparent transparent, without the ringing of a cubic."""
    import torch.nn.functional as F

    return F.avg_pool2d(alpha, factor)


def _double(alpha: Tensor, factor: int) -> Tensor:
    import torch.nn.functional as F

    return F.interpolate(alpha, scale_factor=factor, mode="bilinear")


def _to_float(rows: Iterable[np.ndarray], colours: int) -> Iterator[np.ndarray]:
    """To [0, 1], grey repeated as three colours."""
    for block in rows:
        if block.dtype.kind == "u":
            block = block.astype(np.float32) / np.float32(np.iinfo(block.dtype).max)
        yield block if colours == 3 else np.concatenate([block[..., :1]] * 3 + [block[..., 1:]], axis=-1)


def _to_dtype(block: np.ndarray, colours: int, dtype: Samples) -> np.ndarray:
    """[0, 1] clamped and, for integers, rounded; where the picture is grey, the mean of the three colours."""
    if colours == 1:
        block = np.concatenate([block[..., :3].mean(-1, keepdims=True), block[..., 3:]], axis=-1)
    block = np.clip(block, 0, 1)
    if peak := _PEAKS.get(dtype):
        block = np.rint(block * peak)
    return block.astype(dtype)


def _padded(rows: Iterable[np.ndarray], width: int, height: int) -> Iterator[np.ndarray]:
    """Repeat the last column and row up to a size."""
    done, block = 0, None
    for block in rows:
        done += len(block)
        yield np.pad(block, ((0, 0), (0, width - block.shape[1]), (0, 0)), mode="edge")
    if block is not None and done < height:
        yield np.pad(block[-1:], ((0, height - done - 1), (0, width - block.shape[1]), (0, 0)), mode="edge")


def _cropped(rows: Iterable[np.ndarray], width: int, height: int) -> Iterator[np.ndarray]:
    """Keep the top left."""
    for block in rows:
        if height <= 0:
            return
        yield block[:height, :width]
        height -= len(block)

"""Rows of a picture through a rescaler and out again: numbers to tensors and back, step by step, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.ensemble import self_ensemble
from regrow.inference.precision import in_bfloat16
from regrow.inference.refine import refined_rows
from regrow.inference.resize import cropped, fitted, padded, resampled
from regrow.inference.tiling import Tiling, run_tiled

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from regrow.nets.rescale.base import Rescaler
    from regrow.nets.upscale.base import Restorer
    from regrow.nets.video.base import VideoRestorer

Samples = type[np.uint8] | type[np.uint16] | type[np.float32]

_PEAKS: dict[type, int] = {np.uint8: 255, np.uint16: 65535}

TILE = 512
"""Default side of a tile, in pixels of the larger picture."""


def shrink_rows(
    rows: Iterable[np.ndarray],
    width: int,
    height: int,
    colors: int,
    model: Rescaler,
    small: tuple[int, int],
    tile: int = TILE,
    refine: int = 0,
) -> Iterator[np.ndarray]:
    """Shrink a picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom; bands are 1 or 3 colours and perhaps
            alpha.
        width, height: of the picture, in pixels; any, at least 1.
        colours: 1 or 3.
        model: the rescaler, on the device it is to run on.
        small: (width, height) of the result. Where a side is not the picture's divided by the model's scale, rounded
            up, the picture is first resampled to that times the scale.
        tile: side of a tile in pixels of the larger picture of each step.
        refine: steps of descent by which the small picture is refined, 0 for none.

    Yields:
        (n, small width, bands) uint8, top to bottom; as many colours as both picture and small pictures have.
    """
    floats = to_float(rows, colors, model.colors)
    floats = resampled(floats, (width, height), _fitted((width, height), small, model), model.colors)
    height, width = (_up(n, model.unshuffle) * scale for n, scale in zip(small[::-1], model.scales, strict=True))
    floats = padded(floats, width, height)
    if refine:
        floats, originals = tee(floats)
    down, across = model.factors
    for step in range(model.steps):
        color = partial(model.shrink_once, step=step)
        run = partial(_run, color, partial(_shrink_alpha, factors=model.factors), model.device, model.colors)
        cells = (down * model.unshuffle, across * model.unshuffle), (model.unshuffle, model.unshuffle)
        floats = run_tiled(floats, width, height, run, Tiling(*cells, model.halo, _cells(tile, width, model)))
        width, height = width // across, height // down
    if refine:
        side = _side(tile, width * model.scales[1])
        floats = refined_rows(originals, floats, (width, height), model, refine, side)
    floats = cropped(floats, *small)
    return (to_dtype(block, model.small_colors, min(colors, model.small_colors), np.uint8) for block in floats)


def grow_rows(
    rows: Iterable[np.ndarray],
    size: tuple[int, int],
    grown: tuple[int, int],
    held: int,
    colors: int,
    model: Rescaler,
    dtype: Samples = np.uint8,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """Grow a small picture that arrives in rows.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom; bands are 1 or 3 colours and perhaps
            alpha. Where the model takes one and there are three, as in formats without grey, their mean is taken.
        size: (width, height) of the small picture.
        grown: (width, height) of the result.
        held: colours of the small picture, 1 or 3.
        colours: of the result, 1 or 3, at most the model's.
        model: the rescaler, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile: as for `shrink_rows`.

    Yields:
        (n, grown width, bands) of that dtype, top to bottom.
    """
    floats = to_float(rows, held, model.small_colors)
    width, height = (_up(n, model.unshuffle) for n in size)
    floats = padded(floats, width, height)
    down, across = model.factors
    for step in reversed(range(model.steps)):
        bands = model.small_colors if step == model.steps - 1 else model.colors
        color = partial(model.grow_once, step=step)
        run = partial(_run, color, partial(_grow_alpha, factors=model.factors), model.device, bands)
        cells = (model.unshuffle, model.unshuffle), (down * model.unshuffle, across * model.unshuffle)
        floats = run_tiled(floats, width, height, run, Tiling(*cells, model.halo, _cells(tile, width * across, model)))
        width, height = width * across, height * down
    fit = _fitted(grown, size, model)
    floats = resampled(cropped(floats, *fit), fit, grown, model.colors)
    return (to_dtype(block, model.colors, colors, dtype) for block in floats)


def restore_rows(
    rows: Iterable[np.ndarray],
    size: tuple[int, int],
    held: int,
    model: Restorer | VideoRestorer,
    dtype: Samples = np.uint8,
    tile: int | None = None,
    frames: int = 1,
    ensemble: bool = False,
) -> Iterator[np.ndarray]:
    """Take a picture that arrives in rows through a restorer, one that enlarges or one that keeps the size.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom; alpha is enlarged along.
        size: (width, height) of the picture.
        held: its colours, 1 or 3, and those of the result.
        model: the net, on the device it is to run on.
        dtype: of the result: uint8, uint16 or, clamped but not rounded, float32.
        tile: side of a tile in pixels of the result; when None `TILE`, and at least the model's own of the picture.
        frames: how many pictures, of three colours, lie one after another among the bands, where the net takes several.
        ensemble: the mean over flips and transposes of each tile, in eight times the time.

    Yields:
        (n, width * scale, bands) of that dtype, top to bottom.
    """
    color = self_ensemble(in_bfloat16(model)) if ensemble else in_bfloat16(model)
    run = partial(_run, color, partial(_grow_alpha, factors=(model.scale, model.scale)), model.device, 3 * frames)
    grid = getattr(model, "grid", 1)
    side = _side(tile or max(TILE, getattr(model, "tile", 0) * model.scale), size[0] * model.scale)
    cells = max(1, side // model.scale // grid) * grid
    tiling = Tiling((1, 1), (model.scale, model.scale), model.halo, cells)
    floats = to_float(rows, held * frames, 3 * frames)
    return (to_dtype(block, 3, held, dtype) for block in run_tiled(floats, *size, run, tiling))


def _fitted(full: tuple[int, int], small: tuple[int, int], model: Rescaler) -> tuple[int, int]:
    down, across = model.scales
    return fitted(full[0], small[0], across), fitted(full[1], small[1], down)


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _side(tile: int, width: int) -> int:
    """Strips of very wide pictures are kept lower, so that no strip has more than 8 megapixels."""
    return min(tile, max(64, 2**23 // width))


def _cells(tile: int, width: int, model: Rescaler) -> int:
    return max(1, _side(tile, width) // (max(model.factors) * model.unshuffle))


def _run(
    color: Callable[[Tensor], Tensor],
    alpha: Callable[[Tensor], Tensor],
    device: torch.device,
    colors: int,
    tile: np.ndarray,
) -> np.ndarray:
    """(h, w, bands) float32, the first `colors` of them colours, through a map of colours and one of alpha."""
    import torch

    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(tile)).to(device).permute(2, 0, 1)[None]
        y = color(x[:, :colors])
        if x.shape[1] > colors:
            y = torch.cat([y, alpha(x[:, colors:])], 1)
        return np.asarray(y[0].permute(1, 2, 0).cpu().numpy())


def _shrink_alpha(alpha: Tensor, factors: tuple[int, int]) -> Tensor:
    """Alpha is averaged: the opaque stays opaque and the transparent transparent, without the ringing of a cubic."""
    import torch.nn.functional as F

    return F.avg_pool2d(alpha, factors)


def _grow_alpha(alpha: Tensor, factors: tuple[int, int]) -> Tensor:
    import torch.nn.functional as F

    return F.interpolate(alpha, scale_factor=factors, mode="bilinear")


def to_float(rows: Iterable[np.ndarray], colors: int, wanted: int) -> Iterator[np.ndarray]:
    """To [0, 1], with as many colours as the model takes."""
    for block in rows:
        if block.dtype.kind == "u":
            block = block.astype(np.float32) / np.float32(np.iinfo(block.dtype).max)
        yield _with_colors(block, colors, wanted)


def _with_colors(block: np.ndarray, colors: int, wanted: int) -> np.ndarray:
    """Grey is repeated for three colours, and three colours are averaged to grey; alpha stays."""
    if colors == wanted:
        return block
    color = block[..., :colors].mean(-1, keepdims=True)
    return np.concatenate([color] * wanted + [block[..., colors:]], axis=-1)


def to_dtype(block: np.ndarray, colors: int, wanted: int, dtype: Samples) -> np.ndarray:
    """[0, 1] with so many colours, clamped and, for integers, rounded."""
    import torch

    # By torch, which shares it out over the processor's cores.
    x = torch.from_numpy(_with_colors(block, colors, wanted)).clamp(0, 1)
    if peak := _PEAKS.get(dtype):
        x = x.mul_(peak).round_().to(torch.uint8 if peak == 255 else torch.int32)
    return x.numpy().astype(dtype, copy=False)

"""Run a model over a picture that arrives in rows, tile by tile."""

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
from regrow.inference.transparency import by_net, joined, parted, through
from regrow.size import Size, grown_size

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from regrow.nets.rescale.base import Rescaler
    from regrow.nets.upscale.base import Restorer

    Filter = Callable[[Tensor], Tensor]

Samples = type[np.uint8] | type[np.uint16] | type[np.float32]

_PEAKS: dict[type, int] = {np.uint8: 255, np.uint16: 65535}

TILE = 512
"""Default side of a tile, in pixels of the larger picture."""


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
        small: size of the result. Where a side is not the picture's divided by the model's scale, rounded up, the
            picture is first resampled to that times the scale.
        tile: side of a tile in pixels of the larger picture of each application.
        refine: number of iterations of refinement of the small picture, 0 for none.
        frames: number of frames, at most as many as the model takes together.
        alpha: what shrinks alpha, with the same factors; it is averaged when None.

    Yields:
        (n, small width, bands) uint8, top to bottom; as many channels a frame as both picture and small pictures have.
    """
    full, bands = _fitted(size, small, model), frames * model.colors
    floats = parted(to_float(rows, channels, model.colors, frames), size, bands)
    floats = resampled(floats, size, full, bands)
    inner = _whole_cells(small, model)
    down, across = model.scales
    larger = Size(inner.width * across, inner.height * down)
    floats = padded(floats, larger)
    if refine:
        floats, originals = tee(floats)
    down, across = model.factors
    for application in range(model.applications):
        color = partial(model.shrink_once, application=application)
        run = partial(filtered, color, _alpha_shrinker(alpha, model, application), model.device, bands)
        cells = (down * model.unshuffle, across * model.unshuffle), (model.unshuffle, model.unshuffle)
        floats = run_tiled(floats, larger, run, Tiling(*cells, _halo(model, alpha), _cells(tile, larger, model)))
        larger = Size(larger.width // across, larger.height // down)
    if refine:
        side = _side(tile, Size(inner.width * model.scales[1], inner.height * model.scales[0]))
        floats = refined_rows(originals, floats, inner, model, refine, side, frames)
    floats = joined(cropped(floats, small), frames * model.small_colors)
    kept = min(channels, model.small_colors)
    return (to_dtype(block, model.small_colors, kept, np.uint8, frames) for block in floats)


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
        alpha: what grows alpha, the model that shrank it; it is enlarged bilinearly when None.

    Yields:
        (n, grown width, bands) of that dtype, top to bottom.
    """
    floats = parted(to_float(rows, channels, model.small_colors, frames), size, frames * model.small_colors)
    larger = _whole_cells(size, model)
    floats = padded(floats, larger)
    down, across = model.factors
    for application in reversed(range(model.applications)):
        first = application == model.applications - 1
        bands = frames * (model.small_colors if first else model.colors)
        color = partial(model.grow_once, application=application)
        run = partial(filtered, color, _alpha_grower(alpha, model, application), model.device, bands)
        cells = (model.unshuffle, model.unshuffle), (down * model.unshuffle, across * model.unshuffle)
        result = Size(larger.width * across, larger.height * down)
        tiling = Tiling(*cells, _halo(model, alpha), _cells(tile, result, model))
        floats, larger = run_tiled(floats, larger, run, tiling), result
    full = _fitted(grown, size, model)
    floats = joined(resampled(cropped(floats, full), full, grown, frames * model.colors), frames * model.colors)
    return (to_dtype(block, model.colors, result_channels, dtype, frames) for block in floats)


def restore_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: Restorer,
    dtype: Samples = np.uint8,
    tile: int | None = None,
    ensemble: bool = False,
    seen: Callable[[Filter], Filter] | None = None,
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
        seen: how the net sees a tile: makes the filter of tiles from the net.

    Yields:
        (n, width * scale, bands) of that dtype, top to bottom; sides that are no whole number are rounded down.
    """
    color, scale = in_bfloat16(model), model.scale
    larger, smaller = scale.as_integer_ratio()
    if ensemble:
        color = self_ensemble(color)
    if seen is not None:
        color = seen(color)
    alpha = by_net(lambda x: color(x.repeat(1, model.frames, 1, 1)), 3, (scale, scale)) if scale > 1 else _same
    run = partial(filtered, color, alpha, model.device, 3 * model.frames)
    grown, whole = grown_size(size, (scale, scale)), Size(*(-(-n // smaller) * smaller for n in size))
    side = _side(tile or max(TILE, int((model.tile or 0) * scale)), grown)
    cells = max(1, int(side / scale) // model.grid) * model.grid // smaller
    floats = padded(parted(to_float(rows, channels, 3, model.frames), size, 3 * model.frames), whole)
    strips = run_tiled(floats, whole, run, Tiling((smaller, smaller), (larger, larger), model.halo // smaller, cells))
    return (to_dtype(block, 3, channels, dtype) for block in joined(cropped(strips, grown), 3))


def _same(alpha: Tensor) -> Tensor:
    return alpha


def _fitted(full: Size, small: Size, model: Rescaler) -> Size:
    """The size that a picture is resampled to before it is shrunk, and that it has when it is grown."""
    down, across = model.scales
    return Size(fitted(full.width, small.width, across), fitted(full.height, small.height, down))


def _whole_cells(small: Size, model: Rescaler) -> Size:
    """A small size, rounded up to a multiple that the model takes."""
    return Size(*(-(-n // model.unshuffle) * model.unshuffle for n in small))


def _side(tile: int, larger: Size) -> int:
    """Side of tiles: less for pictures so wide that a strip of them would have more than 8 megapixels."""
    if larger.width * min(tile, larger.height) <= 2**23:
        return tile
    return min(tile, max(64, 2**23 // larger.width))


def _cells(tile: int, larger: Size, model: Rescaler) -> int:
    return max(1, _side(tile, larger) // (max(model.factors) * model.unshuffle))


def _halo(model: Rescaler, alpha: Rescaler | None) -> int:
    return max(model.halo, alpha.halo) if alpha else model.halo


def filtered(
    color: Callable[[Tensor], Tensor],
    alpha: Callable[[Tensor], Tensor],
    device: torch.device,
    channels: int,
    tile: np.ndarray,
) -> np.ndarray:
    """Take a tile, (h, w, bands) float32 of so many channels, through a filter of colours and one of alpha."""
    import torch

    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(tile)).to(device).permute(2, 0, 1)[None]
        return np.asarray(through(x, channels, color, alpha)[0].permute(1, 2, 0).cpu().numpy())


def _alpha_shrinker(alpha: Rescaler | None, model: Rescaler, application: int) -> Callable[[Tensor], Tensor]:
    if alpha is not None:
        colors = alpha.small_colors if application else alpha.colors
        return by_net(partial(alpha.shrink_once, application=application), colors, [1 / n for n in alpha.factors])
    return partial(_averaged, factors=model.factors)


def _alpha_grower(alpha: Rescaler | None, model: Rescaler, application: int) -> Callable[[Tensor], Tensor]:
    if alpha is not None:
        colors = alpha.small_colors if application == alpha.applications - 1 else alpha.colors
        return by_net(partial(alpha.grow_once, application=application), colors, alpha.factors)
    return partial(_enlarged, factors=model.factors)


def _averaged(alpha: Tensor, factors: tuple[int, int]) -> Tensor:
    """Average alpha: opaque pixels stay opaque and transparent ones transparent, without the ringing of a cubic."""
    import torch.nn.functional as F

    return F.avg_pool2d(alpha, factors)


def _enlarged(alpha: Tensor, factors: tuple[int, int]) -> Tensor:
    import torch.nn.functional as F

    return F.interpolate(alpha, scale_factor=factors, mode="bilinear")


def to_float(rows: Iterable[np.ndarray], channels: int, wanted: int, frames: int = 1) -> Iterator[np.ndarray]:
    """Convert to [0, 1], with as many channels a frame as the model takes."""
    for block in rows:
        if block.dtype.kind == "u":
            block = block.astype(np.float32) / np.float32(np.iinfo(block.dtype).max)
        yield _with_channels(block, channels, wanted, frames)


def to_dtype(block: np.ndarray, channels: int, wanted: int, dtype: Samples, frames: int = 1) -> np.ndarray:
    """Convert from [0, 1], with the given channels a frame, clamped and, for integers, rounded."""
    import torch

    # By torch, which shares it out over the processor's cores.
    x = torch.from_numpy(_with_channels(block, channels, wanted, frames)).clamp(0, 1)
    if peak := _PEAKS.get(dtype):
        x = x.mul_(peak).round_().to(torch.uint8 if peak == 255 else torch.int32)
    return x.numpy().astype(dtype, copy=False)


def _with_channels(block: np.ndarray, channels: int, wanted: int, frames: int) -> np.ndarray:
    """Grey is repeated for three channels, and three are averaged to grey, frame by frame; alpha stays.

    (n, width, frames * channels, and perhaps alpha) -> (n, width, frames * wanted, and alpha).
    """
    if channels == wanted:
        return block
    last = frames * channels
    means = [block[..., first : first + channels].mean(-1, keepdims=True) for first in range(0, last, channels)]
    return np.concatenate([mean for mean in means for _ in range(wanted)] + [block[..., last:]], axis=-1)

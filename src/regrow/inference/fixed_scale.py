"""Run a rescaler of a fixed scale over a picture that arrives in rows, tile by tile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.backends import pytorch
from regrow.inference.pooling import mean
from regrow.inference.refine import refined_rows
from regrow.inference.resize import TRIANGLE, cropped, fitted, padded, resampled
from regrow.inference.rows import TILE, Net, Samples, tile_side, to_dtype, to_float
from regrow.inference.tiling import Tiling, run_tiled
from regrow.inference.transparency import by_net, joined, parted, through
from regrow.sides import Span
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.rescale.base import FixedScale


def shrink_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: FixedScale,
    small: Size,
    tile: int = TILE,
    refine: int = 0,
    frames: int = 1,
    alpha: FixedScale | None = None,
) -> Iterator[np.ndarray]:
    """As `regrow.inference.rescale.shrink_rows`.

    Where a side of the small picture is not the picture's divided by the model's scale, rounded up, the picture is
    first resampled to that times the scale.
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
        run = partial(through, _shrinker(model, application), _alpha_shrinker(alpha, model, application), bands)
        cells = (down * model.unshuffle, across * model.unshuffle), (model.unshuffle, model.unshuffle)
        floats = run_tiled(floats, larger, run, Tiling(*cells, _halo(model, alpha), _cells(tile, larger, model)))
        larger = Size(larger.width // across, larger.height // down)
    if refine:
        side = tile_side(tile, Size(inner.width * model.scales[1], inner.height * model.scales[0]))
        floats = refined_rows(originals, floats, inner, Windows(model), refine, side, frames)
    floats = joined(cropped(floats, small), frames * model.small_colors)
    kept = min(channels, model.small_colors)
    return (to_dtype(block, model.small_colors, kept, np.uint8, frames) for block in floats)


def grow_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    grown: Size,
    channels: int,
    result_channels: int,
    model: FixedScale,
    dtype: Samples = np.uint8,
    tile: int = TILE,
    frames: int = 1,
    alpha: FixedScale | None = None,
) -> Iterator[np.ndarray]:
    """As `regrow.inference.rescale.grow_rows`."""
    floats = parted(to_float(rows, channels, model.small_colors, frames), size, frames * model.small_colors)
    larger = _whole_cells(size, model)
    floats = padded(floats, larger)
    down, across = model.factors
    for application in reversed(range(model.applications)):
        first = application == model.applications - 1
        bands = frames * (model.small_colors if first else model.colors)
        run = partial(through, _grower(model, application), _alpha_grower(alpha, model, application), bands)
        cells = (model.unshuffle, model.unshuffle), (down * model.unshuffle, across * model.unshuffle)
        result = Size(larger.width * across, larger.height * down)
        tiling = Tiling(*cells, _halo(model, alpha), _cells(tile, result, model))
        floats, larger = run_tiled(floats, larger, run, tiling), result
    full = _fitted(grown, size, model)
    floats = joined(resampled(cropped(floats, full), full, grown, frames * model.colors), frames * model.colors)
    return (to_dtype(block, model.colors, result_channels, dtype, frames) for block in floats)


@dataclass
class Windows:
    """`regrow.inference.refine.Windows` of a model of a fixed scale, for which all windows are alike."""

    model: FixedScale

    def __post_init__(self) -> None:
        self.scale, self.cell, self.device = self.model.scale, self.model.unshuffle, self.model.device
        self.context = self.cell
        self.colors, self.small_colors = self.model.colors, self.model.small_colors

    def fulls(self, axis: int, part: Span) -> Span:
        """As the protocol says."""
        factor = self.model.scales[axis]
        return part[0] * factor, part[1] * factor

    def window(self, down: Span, across: Span) -> Windows:
        """As the protocol says."""
        return self

    def grow(self, y: Tensor) -> Tensor:
        """As `regrow.inference.refine.Window.grow`."""
        return self.model.grow(y)

    grow_alone = grow

    def guidance(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """As `regrow.inference.refine.Window.guidance`."""
        return self.model.guidance(x, size)


def _fitted(full: Size, small: Size, model: FixedScale) -> Size:
    """The size that a picture is resampled to before it is shrunk, and that it has when it is grown."""
    down, across = model.scales
    return Size(fitted(full.width, small.width, across), fitted(full.height, small.height, down))


def _whole_cells(small: Size, model: FixedScale) -> Size:
    """A small size, rounded up to a multiple that the model takes."""
    return Size(*(-(-n // model.unshuffle) * model.unshuffle for n in small))


def _cells(tile: int, larger: Size, model: FixedScale) -> int:
    return max(1, tile_side(tile, larger) // (max(model.factors) * model.unshuffle))


def _halo(model: FixedScale, alpha: FixedScale | None) -> int:
    return max(model.halo, alpha.halo) if alpha else model.halo


def _shrinker(model: FixedScale, application: int) -> Net:
    return pytorch.of_arrays(partial(model.shrink_once, application=application), model.device)


def _grower(model: FixedScale, application: int) -> Net:
    return pytorch.of_arrays(partial(model.grow_once, application=application), model.device)


def _alpha_shrinker(alpha: FixedScale | None, model: FixedScale, application: int) -> Net:
    if alpha is not None:
        colors = alpha.small_colors if application else alpha.colors
        return by_net(_shrinker(alpha, application), colors, [1 / n for n in alpha.factors])
    return partial(_averaged, factors=model.factors)


def _alpha_grower(alpha: FixedScale | None, model: FixedScale, application: int) -> Net:
    if alpha is not None:
        colors = alpha.small_colors if application == alpha.applications - 1 else alpha.colors
        return by_net(_grower(alpha, application), colors, alpha.factors)
    return partial(_enlarged, factors=model.factors)


def _averaged(alpha: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Average alpha: opaque pixels stay opaque and transparent ones transparent, without the ringing of a cubic."""
    return mean(alpha, (alpha.shape[0] // factors[0], alpha.shape[1] // factors[1]))


def _enlarged(alpha: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Enlarge alpha linearly."""
    size = Size(alpha.shape[1], alpha.shape[0])
    larger = Size(size.width * factors[1], size.height * factors[0])
    return np.concatenate(list(resampled([alpha], size, larger, 1, TRIANGLE)))

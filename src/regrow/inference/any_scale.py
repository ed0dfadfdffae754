"""Run a pair of nets for any scale over a picture that arrives in rows, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.backends import pytorch
from regrow.inference.refine import refined_rows
from regrow.inference.rows import TILE, Net, Samples, tile_side, to_dtype, to_float
from regrow.inference.tiling import Band
from regrow.inference.transparency import joined, parted, through
from regrow.sides import Application, Side, Span, Way, fulls_for, fulls_of, smalls_for
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.rescale.any_scale import AnyScale


def shrink_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: AnyScale,
    small: Size,
    tile: int = TILE,
    refine: int = 0,
) -> Iterator[np.ndarray]:
    """As `regrow.inference.rescale.shrink_rows`, of one frame."""
    floats = parted(to_float(rows, channels, model.colors), size, model.colors)
    if refine:
        floats, originals = tee(floats)
    for application in model.applied(size.hw, small.hw):
        floats = _tiled(floats, model, application, tile, growing=False)
    if refine:
        floats = refined_rows(originals, floats, small, Windows(model, size, small), refine, tile_side(tile, size))
    return (to_dtype(block, model.colors, channels, np.uint8) for block in joined(floats, model.colors))


def grow_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    grown: Size,
    channels: int,
    result_channels: int,
    model: AnyScale,
    dtype: Samples = np.uint8,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """As `regrow.inference.rescale.grow_rows`, of one frame."""
    floats = parted(to_float(rows, channels, model.colors), size, model.colors)
    for application in reversed(model.applied(grown.hw, size.hw)):
        floats = _tiled(floats, model, application, tile, growing=True)
    return (to_dtype(block, model.colors, result_channels, dtype) for block in joined(floats, model.colors))


def _tiled(
    rows: Iterable[np.ndarray], model: AnyScale, application: Application, tile: int, *, growing: bool
) -> Iterator[np.ndarray]:
    """One application to a picture that arrives in rows, as `regrow.inference.transparency.parted` gives them.

    Args:
        rows: (n, width, bands) float32, top to bottom.
        model: the pair.
        application: which, to the whole picture.
        tile: side of a tile in pixels of the larger picture.
        growing: whether the picture is grown, or shrunk.

    Yields:
        (n, width of the result, bands) float32, top to bottom.
    """
    sides = application.sides
    side = tile_side(tile, Size(sides[1].full, sides[0].full))
    height, width = (s.full if growing else s.small for s in sides)
    tall, wide = (max(1, side if growing else side * s.small // s.full) for s in sides)
    band = Band(rows)
    for top in range(0, height, tall):
        down = _cut(model, sides[0], (top, min(top + tall, height)), growing=growing)
        strip = band.rows(*(down.smalls if growing else down.fulls))
        tiles = []
        for left in range(0, width, wide):
            across = _cut(model, sides[1], (left, min(left + wide, width)), growing=growing)
            first, last = across.smalls if growing else across.fulls
            part = application.of_part((down, across))
            once = partial(model.grow_once if growing else model.shrink_once, application=part)
            net = pytorch.of_arrays(once, model.device)
            ways = (down.growing, across.growing) if growing else (down.shrinking, across.shrinking)
            made = through(net, partial(_alpha, net, ways), model.colors, strip[:, first:last])
            y, x = top - ways[0].made[0], left - ways[1].made[0]
            tiles.append(made[y : y + tall, x : x + wide])
        yield tiles[0] if len(tiles) == 1 else np.concatenate(tiles, 1)


def _cut(model: AnyScale, side: Side, part: Span, *, growing: bool) -> Side:
    """What a tile needs of a side, of which it makes a part: more is made than that, where nets look beyond."""
    full, small = side.full, side.small
    first, last = smalls_for(full, small, part) if growing else part
    smalls = max(0, first - model.halo), min(small, last + model.halo)
    return replace(side, fulls=part if growing else fulls_for(full, small, smalls), smalls=smalls)


def _alpha(net: Net, ways: tuple[Way, Way], alpha: np.ndarray) -> np.ndarray:
    """Alpha, (h, w, 1), through a net of pictures, within what is around: what is constant stays so."""
    largest, least = _most(alpha, ways), -_most(-alpha, ways)
    if np.array_equal(largest, least):
        return largest
    return net(np.repeat(alpha, 3, -1)).mean(-1, keepdims=True).clip(least, largest)


def _most(x: np.ndarray, ways: tuple[Way, Way]) -> np.ndarray:
    """The largest value that each pixel of a result covers, or is next to: (h, w, c) -> (H, W, c)."""
    for axis, way in enumerate(ways):
        covered = way.inputs / way.outputs / 2 if way.inputs > way.outputs else 0.5
        at = way.places(2 * math.ceil(covered + 1))[1]
        at = (at - way.first).clip(0, x.shape[axis] - 1)
        x = x.take(at.ravel(), axis).reshape(*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]).max(axis + 1)
    return x


@dataclass
class Windows:
    """`regrow.inference.refine.Windows` of a pair for any scale."""

    model: AnyScale
    size: Size
    """Of the picture."""
    small: Size
    cell = 1
    context = 4

    def __post_init__(self) -> None:
        self.scale = math.ceil(max(n / m for n, m in zip(self.size, self.small, strict=True)))
        self.device = self.model.device
        self.colors, self.small_colors = self.model.colors, self.model.small_colors
        self.applications = self.model.applied(self.size.hw, self.small.hw)

    def fulls(self, axis: int, part: Span) -> Span:
        """As the protocol says."""
        return self._parts(axis, part)[0].fulls

    def window(self, down: Span, across: Span) -> Window:
        """As the protocol says."""
        parts = zip(self.applications, self._parts(0, down), self._parts(1, across), strict=True)
        return Window(self, [application.of_part((height, width)) for application, height, width in parts])

    def _parts(self, axis: int, part: Span) -> list[Side]:
        """Of each application, that from the full size first: what is small, and what grows of it."""
        parts: list[Side] = []
        for application in reversed(self.applications):
            side = application.sides[axis]
            fulls = fulls_of(side.full, side.small, part)
            parts.insert(0, replace(side, fulls=fulls, smalls=part))
            part = fulls
        return parts


@dataclass
class Window:
    """`regrow.inference.refine.Window` of a pair for any scale."""

    of: Windows
    applications: list[Application]
    """Parts, that from the full size first."""

    def grow(self, y: Tensor) -> Tensor:
        """As the protocol says."""
        for application in reversed(self.applications):
            y = self.of.model.grow_once(y, application)
        return y

    def guidance(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """As the protocol says."""
        from regrow.nets.ops.bank import shrunk

        ends = zip(self.applications[0].sides, self.applications[-1].sides, strict=True)
        down, across = (Side(large.full, less.small, large.fulls, less.smalls) for large, less in ends)
        return shrunk(x, (down, across))

    def grow_alone(self, y: Tensor) -> Tensor:
        """As the protocol says."""
        sides = self.of.size, self.of.small
        width, height = (n * full / small for n, full, small in zip(y.shape[:-3:-1], *sides, strict=True))
        return self.of.model.grow(y, (max(1, round(height)), max(1, round(width))))

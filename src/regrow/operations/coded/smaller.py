"""Small pictures for lossy codecs: by the bicubic, or by the net that is shipped for a scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.coded import coded_rows
from regrow.inference.coded_refine import refined
from regrow.inference.resize import cropped, padded, resampled
from regrow.inference.rows import to_dtype, to_float
from regrow.io.codecs import Codec, Facts
from regrow.size import Size, small_size

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer
    from regrow.nets.restore.codec_shrinker import CodecShrinker

STEP = 5
"""Qualities that share what a net makes for the one in their middle."""


class Smaller:
    """A picture that was shrunk by a scale for a codec, quality by quality; what was made is remembered.

    Args:
        pixels: (H, W, bands) uint8, the last of 2 or 4 bands being alpha.
        codec: what codes the small picture.
        scale: how many times smaller it becomes.
        net: gives the net that shrinks, told of the file; None where the bicubic does.
    """

    def __init__(
        self, pixels: np.ndarray, codec: Codec, scale: float, net: Callable[[Facts], CodecShrinker] | None = None
    ) -> None:
        self.pixels, self.codec, self.scale, self.net = pixels, codec, scale, net
        self._made: dict[int, np.ndarray] = {}

    def refined(self, quality: int, grower: CodecRestorer, iterations: int) -> Smaller:
        """The same, but for every quality the small picture that descent makes of that for this one."""
        twin = Smaller(self.pixels, self.codec, self.scale)
        twin._made[0] = refined(self.pixels, self.at(quality), self.codec, quality, grower, iterations)
        return twin

    def at(self, quality: int) -> np.ndarray:
        """The small picture for a quality of the codec: (h, w, bands) uint8."""
        about = quality // STEP * STEP + STEP // 2 if self.net else 0
        if about not in self._made:
            net = self.net(self.codec.facts(min(about, self.codec.qualities[1]))) if self.net else None
            self._made[about] = shrunk(self.pixels, self.scale, net)
        return self._made[about]


def shrunk(pixels: np.ndarray, scale: float, net: CodecShrinker | None = None) -> np.ndarray:
    """(H, W, bands) uint8 -> (h, w, bands) uint8 by a net, or by the antialiased bicubic.

    Sides are divided by the scale and rounded up; pictures are extended by repeating their last row and column.
    """
    height, width, bands = pixels.shape
    colors = bands - (bands in (2, 4))
    size, small = Size(width, height), small_size((width, height), (scale, scale))
    if net is not None:
        rows = coded_rows([pixels], size, colors, net)
        return np.concatenate(list(rows))
    if scale == 1:
        return pixels
    larger, smaller = scale.as_integer_ratio()
    cells = Size(*(-(-n // larger) for n in size))
    full, whole = (Size(cells.width * side, cells.height * side) for side in (larger, smaller))
    floats = resampled(padded(to_float([pixels], bands, bands), full), full, whole, bands)
    return np.concatenate([to_dtype(block, bands, bands, np.uint8) for block in cropped(floats, small)])

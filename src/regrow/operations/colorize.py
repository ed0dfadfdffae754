"""Colour for a grey picture of any size: a net looks at it small and whole; its rows are coloured along their edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.resize import resampled
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.color.base import Colorizer
    from regrow.operations.color_hints import Hint

SIDE = 160
"""Shorter side at which a net looks at a picture, in pixels: that of its training crops."""
LONGEST = 8 * SIDE
RADIUS = 4
"""Colours follow the luma within windows of 2 RADIUS + 1 pixels of that size."""
EPSILON = 1e-3
"""Variance of luma, in [0, 1], below which they do not."""
TONES = 32
"""Classes of lightness within which the tint of a toned black and white picture is one."""
CELL = 8
"""Side of the squares over whose means the tint is looked at."""
TINT = 1.5
"""Deviation of a and b from it, up to which a picture counts as black and white."""


@dataclass(frozen=True)
class Colors:
    """What colours a picture gets: a and b as a straight line of its luma, near each pixel of a small copy of it.

    The guided filter of He, Sun and Tang (ECCV 2010), whose lines are found small and drawn at full size (He and Sun,
    "Fast guided filter", 2015): colour keeps to the edges of the full picture, however small the net saw it.
    """

    slope: Tensor
    """(1, 2, h, w); so is `offset`."""
    offset: Tensor

    @classmethod
    def fit(cls, grey: Tensor, ab: Tensor) -> Colors:
        """From luma in [0, 1], (1, 1, h, w), and a and b there, (1, 2, h, w)."""
        import torch

        from regrow.nets.ops.guided_filter import lines

        with torch.inference_mode():
            return cls(*lines(grey, ab, RADIUS, EPSILON))

    def on(self, grey: Tensor, top: int, size: Size) -> Tensor:
        """A and b, (1, 2, n, width), for rows of luma, (1, 1, n, width), from row `top` of a (width, height)."""
        rows = range(top, top + grey.shape[-2])
        slope, offset = (_enlarged(x, rows, size) for x in (self.slope, self.offset))
        return slope * grey + offset


def glance(rows: Iterable[np.ndarray], size: Size, channels: int) -> Tensor:
    """A picture at the size that nets look at.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom.
        size: its (width, height).
        channels: its colours, 1 or 3. What is transparent is grey.

    Returns:
        (1, channels, h, w) in [0, 1], h and w multiples of 16.
    """
    import torch

    scale = SIDE / min(size)
    width, height = (round(min(n * scale, LONGEST) / 16) * 16 for n in size)
    colors = (_on_grey(block, channels) for block in to_float(rows, channels, channels))
    small = np.concatenate(list(resampled(colors, size, Size(width, height), channels))).clip(0, 1)
    return torch.from_numpy(small).permute(2, 0, 1)[None]


def _on_grey(block: np.ndarray, channels: int) -> np.ndarray:
    """(n, width, channels and perhaps alpha) -> (n, width, channels): what hides says nothing."""
    colors, alpha = block[..., :channels], block[..., channels:]
    return colors * alpha + (1 - alpha) / 2 if alpha.shape[-1] else colors


def is_grey(seen: Tensor) -> bool:
    """Whether a picture is black and white, if perhaps toned, as sepia prints and yellowed paper are.

    Its colour then hangs on its lightness alone: what is equally light has the same tint. Means over `CELL` pixels are
    compared, for noise gives every pixel a colour, but none to a region.

    Args:
        seen: (1, 1 or 3, h, w) in [0, 1].
    """
    import torch
    import torch.nn.functional as F

    from regrow.nets.ops.color import lab

    if seen.shape[1] == 1:
        return True
    level, *ab = F.avg_pool2d(lab(seen), CELL)[0].flatten(1)
    bins = (level / 100 * TONES).long().clamp(0, TONES - 1)
    count = torch.bincount(bins, minlength=TONES).clamp(min=1)
    spread = [(x - (torch.bincount(bins, x, TONES) / count)[bins]).square().mean() for x in ab]
    return bool(sum(spread) ** 0.5 < TINT)


def guess(
    seen: Tensor,
    size: Size,
    model: Colorizer,
    hints: Sequence[Hint] = (),
    reference: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """Luma in [0, 1], (1, 1, h, w), and the a and b that it gets, (1, 2, h, w).

    Args:
        seen: the picture at a glance, (1, 1 or 3, h, w); only its luma is looked at.
        size: its (width, height).
        model: the colorizer, on the device it is to run on.
        hints: colours that are known, at pixels of the picture.
        reference: (H, W, 3) uint8 picture whose colours are carried over to what looks alike.
    """
    import torch

    from regrow.nets.ops.color import lightness
    from regrow.operations.color_hints import carry_over, spread

    with torch.inference_mode():
        grey = _luma(seen).to(model.device)
        level = lightness(grey)
        ab = model(level) if reference is None else carry_over(level, reference, model)
        if hints:
            ab = spread(ab, level, hints, size)
    return grey.cpu(), ab.cpu()


def color_rows(
    rows: Iterable[np.ndarray], size: Size, channels: int, colors: Colors, dtype: Samples
) -> Iterator[np.ndarray]:
    """Colour a picture that arrives in rows, leaving its luma as it is.

    Args:
        rows: as for `glance`; alpha is kept.
        size, channels: likewise.
        colors: from `Colors.fit`.
        dtype: of the result: uint8, uint16 or, not rounded, float32.

    Yields:
        (n, width, 3 or, with alpha, 4), top to bottom.
    """
    import torch

    from regrow.nets.ops.color import colored

    top = 0
    for block in to_float(rows, channels, channels):
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(block)).permute(2, 0, 1)[None]
            grey = _luma(x[:, :channels])
            y = torch.cat((colored(grey, colors.on(grey, top, size)), x[:, channels:]), 1)
        top += len(block)
        yield to_dtype(y[0].permute(1, 2, 0).numpy(), 3, 3, dtype)


def _luma(x: Tensor) -> Tensor:
    """(1, 1 or 3, h, w) -> (1, 1, h, w)."""
    from regrow.nets.ops.color import luma

    return luma(x) if x.shape[1] == 3 else x


def _enlarged(x: Tensor, rows: range, size: Size) -> Tensor:
    """These rows of the bilinear enlargement of (1, C, h, w) to (width, height)."""
    import torch
    import torch.nn.functional as F

    width, height = size
    h = x.shape[-2]
    place = ((torch.arange(rows.start, rows.stop) + 0.5) * (h / height) - 0.5).clamp(0, h - 1)
    above = place.long()
    share = (place - above).view(-1, 1)
    between = torch.lerp(x[:, :, above], x[:, :, (above + 1).clamp(max=h - 1)], share)
    return F.interpolate(between, (len(rows), width), mode="bilinear")

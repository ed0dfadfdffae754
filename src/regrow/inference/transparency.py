"""Filtering pictures with transparency: colours are weighted by alpha, and what hides below stays hidden.

Where a filter looks at a cut-out's edge, it must not see the colours that hide under full transparency: they would
bleed into the edge as a rim. They are not to be lost either. So a picture goes through a filter twice, where that
makes a difference: with hidden colours replaced by those of visible pixels near them, and as it is stored. The result
has the colours of the first wherever anything is visible, and those of the second where its alpha is 0 in 8 bits.

Pictures with alpha have bands (colours, alpha) outside and (colours to see, colours as stored, alpha) on their way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.tiling import Band
from regrow.size import Size

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RADII = (1, 2, 4, 8, 16)
"""Of the squares in which visible pixels are looked for, smallest first."""
TRUSTED = 1 / 16
"""Alpha from which a pixel's own colour counts fully: below, 8 bits of premultiplied colour say too little."""
COVERED = 1 / 8
"""Share of visible pixels from which the mean over a square counts fully."""
HIDDEN = 1 / 510
"""Alpha below which nothing is visible: it becomes 0 in 8 bits."""
ROWS = 64
"""Rows that are worked on at a time."""


def parted(rows: Iterable[np.ndarray], size: Size, colors: int) -> Iterator[np.ndarray]:
    """Rows of a picture as filters are to see it.

    Args:
        rows: (n, width, colors and perhaps alpha) float32 in [0, 1], top to bottom.
        size: of the picture.
        colors: number of bands that are not alpha.

    Yields:
        (n, width, 2 * colors + 1); rows without alpha as they came.
    """
    source = iter(rows)
    first = next(source, None)
    if first is None:
        return
    if first.shape[-1] == colors:
        yield first
        yield from source
        return
    band, reach = Band(_again(first, source)), RADII[-1]
    for top in range(0, size.height, ROWS):
        bottom = min(top + ROWS, size.height)
        above, below = max(0, top - reach), min(size.height, bottom + reach)
        window, own = band.rows(above, below), slice(top - above, bottom - above)
        stored, alpha = window[own, :, :colors], window[own, :, colors:]
        seen = stored if alpha.min() == 1 else filled(window, colors)[own]
        yield np.concatenate((seen, stored, alpha), axis=-1)


def joined(rows: Iterable[np.ndarray], colors: int) -> Iterator[np.ndarray]:
    """Rows of a result as it is stored: (n, width, 2 * colors + 1) to (n, width, colors + 1); others as they come."""
    for block in rows:
        if block.shape[-1] == colors:
            yield block
            continue
        seen, stored, alpha = block[..., :colors], block[..., colors : 2 * colors], block[..., 2 * colors :]
        yield np.concatenate((np.where(alpha < HIDDEN, stored, seen), alpha), axis=-1)


def filled(pixels: np.ndarray, colors: int) -> np.ndarray:
    """Colours in which those that are hidden are replaced by the mean of visible ones near them, weighted by alpha.

    Args:
        pixels: (h, w, colors + 1) float32 in [0, 1].
        colors: number of bands that are not alpha.

    Returns:
        (h, w, colors) float32. Pixels from which nothing visible is within 16 keep their colour.
    """
    import torch
    import torch.nn.functional as F

    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
    color, alpha = x[:, :colors], x[:, colors:]
    weight = (alpha / TRUSTED).clamp(max=1)
    found, open_ = color * weight, 1 - weight
    for radius in RADII:
        mean = torch.cat((color * alpha, alpha), 1)
        for across in ((1, 0), (0, 1)):  # one after the other: the work for a pixel grows with the side of the square
            reach = (radius * across[0], radius * across[1])
            side = (2 * reach[0] + 1, 2 * reach[1] + 1)
            mean = F.avg_pool2d(mean, side, 1, reach, count_include_pad=False)
        total, visible = mean[:, :colors], mean[:, colors:]
        share = open_ * (visible / COVERED).clamp(0, 1)
        found += share * (total / visible.clamp(min=1e-6))
        open_ = open_ - share
    found += open_ * color
    return found[0].permute(1, 2, 0).numpy()


def through(x: Tensor, colors: int, color: Callable[[Tensor], Tensor], alpha: Callable[[Tensor], Tensor]) -> Tensor:
    """Take a tile, (1, bands, h, w) as `parted` gives it, through a filter of colours and one of alpha."""
    import torch

    seen = x[:, :colors]
    found = color(seen)
    if x.shape[1] == colors:
        return found
    stored = x[:, colors : 2 * colors]
    return torch.cat((found, found if torch.equal(seen, stored) else color(stored), alpha(x[:, 2 * colors :])), 1)


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


def by_net(net: Callable[[Tensor], Tensor], colors: int, factors: Sequence[float]) -> Callable[[Tensor], Tensor]:
    """The filter of alpha that a net of pictures is: alpha is a grey picture, and what is constant stays so.

    Args:
        net: from (1, colors, h, w) to (1, any, H, W).
        colors: channels that it takes.
        factors: height and width of its result, relative to what it takes.
    """

    def run(alpha: Tensor) -> Tensor:
        import torch.nn.functional as F

        least, most = -F.max_pool2d(-alpha, 3, 1, 1), F.max_pool2d(alpha, 3, 1, 1)
        size = tuple(round(n * factor) for n, factor in zip(alpha.shape[-2:], factors, strict=True))
        bounds = [_reduced(bound, size) for bound in (-least, most)]
        if bool((least == most).all()):
            return bounds[1]
        found = net(alpha.expand(-1, colors, -1, -1)).mean(1, keepdim=True)
        return found.clamp(-bounds[0], bounds[1])

    return run


def _reduced(bound: Tensor, size: tuple[int, ...]) -> Tensor:
    """The largest value around each pixel, for a picture of another (height, width)."""
    import torch.nn.functional as F

    if size[0] < bound.shape[-2] or size[1] < bound.shape[-1]:
        return F.adaptive_max_pool2d(bound, size)
    return F.interpolate(bound, size, mode="nearest-exact")


def _again(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest

"""Small pictures refined one by one: descent through the decoder to what it grows best, no weight touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from regrow.tiling import Band

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.rescale.base import Rescaler

MOST = 1000
"""Steps beyond which nobody can mean it."""

RATE = 0.6 / 255
"""How far a sample moves in the first step; later ones are shorter. Like `CLOSENESS`, chosen on two of Set5."""

CLOSENESS = 0.05
"""Weight of the squared distance to the guidance image, where that of the regrown picture has 1."""

CONTEXT = 16
"""Small pixels around a tile that are grown with it: what lies further has hardly any influence."""


def refined_rows(
    full: Iterable[np.ndarray],
    small: Iterable[np.ndarray],
    size: tuple[int, int],
    model: Rescaler,
    steps: int,
    tile: int,
) -> Iterator[np.ndarray]:
    """Refine a small picture, tile after tile.

    Each tile sees the refined ones before it, and its own small pixels alone are moved: what the whole picture loses
    becomes less with every tile, and there are no seams.

    Args:
        full: rows of the picture, (n, width * scale, bands) float32 in [0, 1], top to bottom.
        small: rows of what the model shrank it to, (n, width, bands') float32.
        size: (width, height) of the small picture, multiples of the model's `fold`.
        model: the rescaler, on the device it is to run on.
        steps: of descent, at least 1.
        tile: side of a tile in pixels of the full picture.

    Yields:
        (n, width, bands') float32, top to bottom. Bands beyond the model's colours are left as they are.
    """
    (width, height), (down, across), fold = size, model.scales, model.fold
    side = max(1, tile // (max(model.scales) * fold)) * fold
    context = max(1, min(CONTEXT, side // 4) // fold) * fold
    originals, shrunk = Band(full), Band(small)
    above: np.ndarray | None = None
    for top in range(0, height, side):
        bottom, first, last = min(top + side, height), max(0, top - context), min(height, top + side + context)
        x = originals.rows(first * down, last * down)
        y = shrunk.rows(first, last).copy()
        if above is not None:
            y[: top - first] = above[len(above) - (top - first) :]
        for left in range(0, width, side):
            start, stop = max(0, left - context), min(width, left + side + context)
            inner = np.s_[top - first : bottom - first, left - start : min(left + side, width) - start]
            piece = y[:, start:stop]
            colours = piece[..., : model.small_colours]
            colours[inner] = _refine(
                x[:, start * across : stop * across, : model.colours], colours, inner, model, steps
            )
        above = y[: bottom - first]
        yield y[top - first : bottom - first]


def _refine(x: np.ndarray, y: np.ndarray, inner: tuple[slice, slice], model: Rescaler, steps: int) -> np.ndarray:
    """The inner part of y (h, w, c), moved so that y grows to x (H, W, C): the best of all that was seen on the way.

    Adam (Kingma and Ba 2015), straight through the rounding to 8 bits, with a rate that falls to zero.
    """
    import torch

    from regrow.nets.layers import quantize

    original, start = _tensor(x, model), _tensor(y, model)
    rows, columns = inner
    free = start[..., rows, columns].clone().requires_grad_()
    with torch.no_grad():
        guidance = model.guidance(original, (y.shape[0], y.shape[1]))
    optimizer = torch.optim.Adam([free], lr=RATE, betas=(0.9, 0.99))
    best, least = free.detach(), float("inf")
    for step in range(steps + 1):
        small = start.clone()
        small[..., rows, columns] = free
        grown = model.grow(quantize(small))
        loss = (grown - original).square().mean() + CLOSENESS * (small - guidance).square().mean()
        if loss.item() < least:
            best, least = free.detach().clone(), loss.item()
        if step < steps:
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return np.asarray(best[0].permute(1, 2, 0).cpu().numpy())


def _tensor(picture: np.ndarray, model: Rescaler) -> Tensor:
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(picture)).to(model.device).permute(2, 0, 1)[None]
    return tensor.contiguous(memory_format=torch.channels_last)

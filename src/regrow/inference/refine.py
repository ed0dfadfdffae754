"""Refinement of single small pictures: gradient descent through the decoder, with fixed weights.

As in hierarchical collaborative downscaling (Xu et al. 2022), but of the small picture only, near the bicubic one, tile
by tile, at a rate that comes from the curvature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from regrow.inference.tiling import Band
from regrow.sides import Span
from regrow.size import Size

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MOST = 1000
"""Maximum number of iterations."""

MOMENTUM = 0.8

CLOSENESS = 0.05
"""Weight of the squared distance to the guidance image; the distance of the regrown picture has weight 1."""

CONTEXT = 16
"""Margin of small pixels that are grown with a tile; pixels further away have hardly any influence."""


class Window(Protocol):
    """A part of a small picture and what grows of it."""

    def grow(self, y: Tensor) -> Tensor:
        """(1, c, h, w) of the part -> (1, C, H, W)."""

    def guidance(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(1, C, H, W) of the full-size picture -> (1, c, h, w) of the guidance image, at least inside the part."""

    def grow_alone(self, y: Tensor) -> Tensor:
        """A small picture of any size, grown by itself as many times."""


class Windows(Protocol):
    """How a rescaler grows parts of a small picture."""

    scale: int
    """The most by which a side was shrunk."""
    cell: int
    """Parts begin and end at multiples of this many small pixels."""
    context: int
    """The fewest small pixels around others of which something grows that depends on all these."""
    colors: int
    small_colors: int
    device: torch.device

    def fulls(self, axis: int, part: Span) -> Span:
        """The full-size pixels that grow of small ones, along an axis, down (0) or across."""

    def window(self, down: Span, across: Span) -> Window:
        """A part of the small picture."""


def refined_rows(
    full: Iterable[np.ndarray],
    small: Iterable[np.ndarray],
    size: Size,
    windows: Windows,
    iterations: int,
    tile: int,
    frames: int = 1,
) -> Iterator[np.ndarray]:
    """Refine a small picture, tile after tile.

    Each tile sees the refined tiles before it, and only its own small pixels change. The loss of the whole picture
    falls with every tile, and there are no seams.

    Args:
        full: rows of the picture, (n, width, bands) float32 in [0, 1], top to bottom.
        small: rows of the small picture that the model made from it, (n, width, bands') float32.
        size: size of the small picture.
        windows: how the model grows parts of it.
        iterations: number of iterations of refinement, at least 1.
        tile: side of a tile in pixels of the full picture.
        frames: number of frames that are concatenated along the bands.

    Yields:
        (n, width, bands') float32, top to bottom. Bands beyond the model's channels are left as they are.
    """
    (width, height), cell = size, windows.cell
    side = max(1, tile // (windows.scale * cell)) * cell
    context = max(windows.context, min(CONTEXT, side // 4) // cell * cell)
    originals, shrunk = Band(full), Band(small)
    above: np.ndarray | None = None
    for top in range(0, height, side):
        bottom, first, last = min(top + side, height), max(0, top - context), min(height, top + side + context)
        x = originals.rows(*windows.fulls(0, (first, last)))
        y = shrunk.rows(first, last).copy()
        if above is not None:
            y[: top - first] = above[len(above) - (top - first) :]
        for left in range(0, width, side):
            start, stop = max(0, left - context), min(width, left + side + context)
            inner = np.s_[top - first : bottom - first, left - start : min(left + side, width) - start]
            original = x[:, slice(*windows.fulls(1, (start, stop))), : frames * windows.colors]
            tile_small = y[:, start:stop, : frames * windows.small_colors]
            window = windows.window((first, last), (start, stop))
            tile_small[inner] = _refine(original, tile_small, inner, window, iterations, windows.device)
        above = y[: bottom - first]
        yield y[top - first : bottom - first]


def _refine(
    x: np.ndarray,
    y: np.ndarray,
    inner: tuple[slice, slice],
    window: Window,
    iterations: int,
    device: torch.device,
) -> np.ndarray:
    """Move the inner part of y (h, w, c) so that y grows to x (H, W, C); gives the best of all iterates.

    Gradient descent with Nesterov's momentum, straight through the rounding to 8 bits. The rate is the inverse of the
    curvature at first and falls to zero; an iteration that raises the loss much is undone and the rate halved.
    """
    import torch

    from regrow.nets.layers import quantize

    original, start = _tensor(x, device), _tensor(y, device)
    with torch.no_grad():
        guidance = window.guidance(original, (y.shape[0], y.shape[1]))
    closeness = CLOSENESS * original.numel() / start.numel()
    mask = torch.zeros_like(start[:1, :1])
    mask[..., inner[0], inner[1]] = 1
    rate = mask / (_curvature(start, window) + closeness)
    small, velocity = start, torch.zeros_like(start)
    best, least = start, float("inf")
    for iteration in range(iterations + 1):
        small = small.detach().requires_grad_(iteration < iterations)
        loss = (window.grow(quantize(small)) - original).square().sum() + closeness * (small - guidance).square().sum()
        if loss.item() < least:
            best, least = small.detach(), loss.item()
        if iteration == iterations:
            break
        if loss.item() > 2 * least:
            small, velocity, rate = best, torch.zeros_like(start), rate / 2
            continue
        (gradient,) = torch.autograd.grad(loss / 2, small)
        with torch.no_grad():
            velocity = MOMENTUM * velocity + gradient
            small = small - rate * (1 - iteration / iterations) * (gradient + MOMENTUM * velocity)
    return np.asarray(best[0, :, inner[0], inner[1]].permute(1, 2, 0).cpu().numpy())


def _curvature(y: Tensor, window: Window, side: int = 64, iterations: int = 6) -> float:
    """Approximate largest curvature of half the squared error in y, by power iteration where y has most contrast."""
    import torch

    starts = [range(0, max(1, n - side + 1), side) for n in y.shape[-2:]]
    parts = [y[..., top : top + side, left : left + side] for top in starts[0] for left in starts[1]]
    y = max(parts, key=lambda part: float(part.std(correction=0))).clone().requires_grad_()
    grown = window.grow_alone(y)
    away = torch.randn(y.shape, generator=torch.Generator().manual_seed(0)).to(y)
    value = 0.0
    for _ in range(iterations):
        away = away / away.square().mean().sqrt().clamp(min=1e-12)
        with torch.no_grad():
            change = (window.grow_alone(y + away / 512) - grown) * 512
        value = float(change.square().sum() / away.square().sum())
        (away,) = torch.autograd.grad((grown * change).sum(), y, retain_graph=True)
    return max(value, 1.0)


def _tensor(picture: np.ndarray, device: torch.device) -> Tensor:
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None]
    return tensor.contiguous(memory_format=torch.channels_last)

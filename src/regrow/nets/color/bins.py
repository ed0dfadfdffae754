"""Colour as classes: the quantised ab plane of "Colorful Image Colorization" (Zhang, Isola and Efros, ECCV 2016)."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from regrow.nets.ops.color import lab

GRID = 10
"""Distance of neighbouring bins."""
NEAREST, SIGMA = 5, 5.0
"""A colour is spread over so many bins by a Gaussian of this width (section 2.1)."""

SAMPLES = 4096
"""Pixels of a picture that are looked at to learn how frequent colours are."""


@lru_cache
def in_gamut() -> tuple[tuple[float, float], ...]:
    """The 313 (a, b) of the bins, sorted.

    They are the points of the grid from -110 to 110 that lie in the gamut of sRGB, whatever the lightness, or at most
    one diagonal of the grid beyond it.
    """
    with torch.device("cpu"):
        level = torch.linspace(0, 1, 86)
        u, v = torch.meshgrid(level, level, indexing="ij")
        zero = torch.zeros_like(u)
        # The most saturated colours: one of red, green and blue is 0.
        faces = torch.stack([torch.stack(face) for face in ((zero, u, v), (u, zero, v), (u, v, zero))])
        gamut = lab(faces)[:, 1:].transpose(0, 1).flatten(1).T
        axis = torch.arange(-110, 111, GRID).float()
        grid = torch.cartesian_prod(axis, axis)
        near = torch.cdist(grid, gamut).amin(1) <= GRID * 2**0.5
        return tuple(map(tuple, grid[near].tolist()))


def soft_encode(ab: Tensor, bins: Tensor) -> tuple[Tensor, Tensor]:
    """Spread every colour over its nearest bins.

    Args:
        ab: (..., 2).
        bins: (Q, 2).

    Returns:
        Indices and weights of the `NEAREST` bins, nearest first, both (..., NEAREST); weights sum to 1.
    """
    # By the expanded square: cdist is slow for few dimensions.
    squared = (ab**2).sum(-1, keepdim=True) - 2 * ab @ bins.T + (bins**2).sum(-1)
    nearest, index = squared.topk(NEAREST, largest=False)
    return index, torch.softmax(-nearest / (2 * SIGMA**2), -1)


def class_counts(picture: Tensor, bins: Tensor) -> Tensor:
    """How often each bin is seen in about `SAMPLES` pixels, evenly spaced, of (H, W, 3) uint8: (Q,)."""
    pixels = picture.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // SAMPLES)]
    index, weight = soft_encode(lab(pixels.T[:, None] / 255)[1:, 0].T, bins)
    return torch.zeros(len(bins)).index_add_(0, index.flatten(), weight.flatten())


def nearest(ab: Tensor) -> Tensor:
    """Of colours in gamut, (2, ...), the index of the nearest bin."""
    table = torch.full((23, 23), -1)
    for i, (a, b) in enumerate(in_gamut()):
        table[int(a) // GRID + 11, int(b) // GRID + 11] = i
    a, b = (ab / GRID).round().long().clamp(-11, 11) + 11
    return table[a, b]


def rebalancing(counts: Tensor, mix: float) -> Tensor:
    """Weights that make rare colours count: (Q,) from how often each bin was seen, (Q,).

    Frequencies, smoothed over the neighbours, are mixed with the even distribution, inverted, and scaled to an average
    of 1 over the pixels seen (equation 4). `mix` is the paper's lambda: 0 weighs fully, 1 not at all.
    """
    smooth = counts / counts.sum()
    weights = 1 / ((1 - mix) * smooth + mix / len(counts)).clamp(min=1e-9)
    return weights / (smooth * weights).sum()


def annealed_mean(logits: Tensor, bins: Tensor, temperature: float) -> Tensor:
    """The mean colour of a distribution sharpened by a temperature (equation 5).

    0 would give the most likely bin, 1 gives the mean: vivid but patchy, or smooth but pale.

    Args:
        logits: (B, Q, h, w).
        bins: (Q, 2).
        temperature: above 0.

    Returns:
        (B, 2, h, w).
    """
    return torch.einsum("bqhw,qc->bchw", torch.softmax(logits.float() / temperature, 1), bins)

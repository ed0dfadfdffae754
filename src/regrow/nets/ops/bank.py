"""Banks of filters along one side of a picture, for any ratio of two sizes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

OFFSETS = 6
"""Filters of a bank: each looks this many full-size pixels, less 5/2, from the centre of a small one."""
REACH = 8
"""Full-size pixels that the filters of a small one reach."""
NEAR = 2
"""Small pixels whose filters reach a full-size one."""


class Bank(nn.Module):
    """Filters that depend on where small pixels lie between the full-size ones, and on the scale.

    A small pixel has its centre somewhere between full-size pixels. Around it, the picture is looked at in steps of a
    full-size pixel: by linear interpolation as long as nothing is learned, which at scale 2 are the pixels themselves.
    A small net adds to that, from the fraction of the position and the scale. Both sides of a picture share a bank.

    In the spirit of the weights of Meta-SR (Hu et al. 2019) and of conditional resampling (AIDN, Xing et al. 2023).
    """

    def __init__(self, taps: int, hidden: int = 64) -> None:
        super().__init__()
        self.taps = taps
        self.inner = nn.Linear(8, hidden)
        self.outer = nn.Linear(hidden, OFFSETS * taps)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def learned(self, fraction: Tensor, scale: float) -> Tensor:
        """What is added for each of n fractions, from 0 to 1: (n, OFFSETS, taps)."""
        angle = 2 * torch.pi * fraction
        told = [fraction - 0.5, angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()]
        told += [torch.full_like(fraction, v) for v in (scale / 2 - 1, 1 / scale, math.log(scale))]
        x = torch.stack(told, 1)
        return self.outer(torch.nn.functional.silu(self.inner(x))).view(-1, OFFSETS, self.taps)


class Analysis(Bank):
    """From full-size pixels to small ones: a matrix for each pair of sizes."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__(REACH, hidden)

    def forward(self, full: int, small: int) -> Tensor:
        """(small, OFFSETS, full): how much each full-size pixel counts for each filter of each small one."""
        fraction, first = positions(full, small, self.outer.weight.device)
        tap = torch.arange(REACH, device=first.device)
        offset = torch.arange(OFFSETS, device=first.device)
        # Pixel first + tap lies this far from where a filter looks.
        far = (tap - 3)[None, None] - fraction[:, None, None] - (offset - 2.5)[None, :, None]
        weights = (1 - far.abs()).clamp(min=0) + self.learned(fraction, full / small)
        at = mirrored(first[:, None] + tap - 3, full)[:, None].expand_as(weights)
        return weights.new_zeros(small, OFFSETS, full).scatter_add(2, at, weights)


class Synthesis(Bank):
    """From small pixels to full-size ones: a matrix for each pair of sizes."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__(NEAR, hidden)

    def forward(self, full: int, small: int) -> Tensor:
        """(full, OFFSETS, small): how much each filter of each small pixel counts for each full-size one."""
        scale = full / small
        fraction, first = positions(small, full, self.outer.weight.device)
        tap = torch.arange(NEAR, device=first.device)
        offset = torch.arange(OFFSETS, device=first.device)
        far = (fraction[:, None, None] - tap[None, None]) * scale - (offset - 2.5)[None, :, None]
        weights = (1 - far.abs()).clamp(min=0) + self.learned(fraction, scale)
        at = mirrored(first[:, None] + tap, small)[:, None].expand_as(weights)
        return weights.new_zeros(full, OFFSETS, small).scatter_add(2, at, weights)


def positions(inputs: int, outputs: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each of the outputs has its centre among the inputs: the fraction, and the input before it, (outputs,)."""
    # In whole numbers: large pictures have positions that float32 cannot hold.
    doubled = (2 * torch.arange(outputs, device=device) + 1) * inputs - outputs
    first = torch.div(doubled, 2 * outputs, rounding_mode="floor")
    return (doubled - 2 * outputs * first) / (2 * outputs), first


def mirrored(at: Tensor, count: int) -> Tensor:
    """Positions beyond the border as those within, the edge repeated."""
    at = at % (2 * count)
    return torch.where(at >= count, 2 * count - 1 - at, at)

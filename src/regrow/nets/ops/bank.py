"""Banks of filters along one side of a picture, for any ratio of two sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

OFFSETS = 6
"""Filters of a bank: each looks this many full-size pixels, less 5/2, from the centre of a small one."""
REACH = 8
"""Full-size pixels that the filters of a small one reach."""
NEAR = 2
"""Small pixels whose filters reach a full-size one."""


@dataclass(frozen=True)
class Side:
    """One side of a picture and of its small one, or a part of it."""

    full: int
    """Pixels of the whole side."""
    small: int
    fulls: tuple[int, int]
    """Which of them there are: from, to (exclusive)."""
    smalls: tuple[int, int]

    @classmethod
    def whole(cls, full: int, small: int) -> Side:
        """All of it."""
        return cls(full, small, (0, full), (0, small))

    @property
    def scale(self) -> float:
        """How many times smaller it becomes."""
        return self.full / self.small


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
    """From full-size pixels to small ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__(REACH, hidden)

    def forward(self, side: Side) -> Tensor:
        """(small, OFFSETS, full): how much each full-size pixel counts for each filter of each small one."""
        fraction, first = positions(side.full, side.small, side.smalls, self.outer.weight.device)
        tap = torch.arange(REACH, device=first.device)
        offset = torch.arange(OFFSETS, device=first.device)
        # Pixel first + tap - 3 lies this far from where a filter looks.
        far = (tap - 3)[None, None] - fraction[:, None, None] - (offset - 2.5)[None, :, None]
        weights = (1 - far.abs()).clamp(min=0) + self.learned(fraction, side.scale)
        return _spread(weights, mirrored(first[:, None] + tap - 3, side.full), side.fulls)


class Synthesis(Bank):
    """From small pixels to full-size ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__(NEAR, hidden)

    def forward(self, side: Side) -> Tensor:
        """(full, OFFSETS, small): how much each filter of each small pixel counts for each full-size one."""
        fraction, first = positions(side.small, side.full, side.fulls, self.outer.weight.device)
        tap = torch.arange(NEAR, device=first.device)
        offset = torch.arange(OFFSETS, device=first.device)
        far = (fraction[:, None, None] - tap[None, None]) * side.scale - (offset - 2.5)[None, :, None]
        weights = (1 - far.abs()).clamp(min=0) + self.learned(fraction, side.scale)
        return _spread(weights, mirrored(first[:, None] + tap, side.small), side.smalls)


def fulls_for(full: int, small: int, smalls: tuple[int, int]) -> tuple[int, int]:
    """The full-size pixels that filters of some small ones reach: from, to (exclusive)."""
    _, first = positions(full, small, smalls, torch.device("cpu"))
    at = mirrored(first[:, None] + torch.arange(REACH) - 3, full)
    return int(at.min()), int(at.max()) + 1


def smalls_for(full: int, small: int, fulls: tuple[int, int]) -> tuple[int, int]:
    """The small pixels whose filters reach some full-size ones: from, to (exclusive)."""
    _, first = positions(small, full, fulls, torch.device("cpu"))
    at = mirrored(first[:, None] + torch.arange(NEAR), small)
    return int(at.min()), int(at.max()) + 1


def positions(inputs: int, outputs: int, part: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Where some of the outputs have their centres among the inputs: the fraction, and the input before it, (n,)."""
    # In whole numbers: large pictures have positions that float32 cannot hold.
    doubled = (2 * torch.arange(*part, device=device) + 1) * inputs - outputs
    first = torch.div(doubled, 2 * outputs, rounding_mode="floor")
    return (doubled - 2 * outputs * first) / (2 * outputs), first


def mirrored(at: Tensor, count: int) -> Tensor:
    """Positions beyond the border as those within, the edge repeated."""
    at = at % (2 * count)
    return torch.where(at >= count, 2 * count - 1 - at, at)


def _spread(weights: Tensor, at: Tensor, part: tuple[int, int]) -> Tensor:
    """Weights (n, OFFSETS, taps) of the inputs at (n, taps), all of them within a part -> (n, OFFSETS, inputs)."""
    matrix = weights.new_zeros(len(weights), OFFSETS, part[1] - part[0])
    return matrix.scatter_add(2, (at - part[0])[:, None].expand_as(weights), weights)

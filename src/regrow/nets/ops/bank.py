"""Filters along the sides of pictures, for any ratio of two sizes, of whole pictures or parts of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from regrow.cubic import REACH as CUBIC
from regrow.cubic import keys
from regrow.nets.ops.resample import mirrored

OFFSETS, NEAR = 6, 2
"""Filters of a bank in steps of a full-size pixel, and the small pixels whose filters reach a full-size one."""
RELATIVE_OFFSETS, RELATIVE_NEAR = 4, 4
"""The same for filters in steps of half a small pixel."""
REACH = 8
"""Full-size pixels that the filters of a small one reach."""


class Way(NamedTuple):
    """What is made along a side, and of what."""

    inputs: int
    """Pixels of the whole side before."""
    outputs: int
    """Pixels of the whole side after."""
    seen: tuple[int, int]
    """Which of the inputs there are: from, to (exclusive)."""
    made: tuple[int, int]
    """Which of the outputs are made."""

    def places(self, taps: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The fraction of the position of each output, (n,), and the inputs around each, (n, taps)."""
        fraction, first = positions(self.inputs, self.outputs, self.made, device)
        around = torch.arange(taps, device=device) - (taps // 2 - 1)
        return fraction, mirrored(first[:, None] + around, self.inputs)


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

    @property
    def shrinking(self) -> Way:
        """From the full length to the small one."""
        return Way(self.full, self.small, self.fulls, self.smalls)

    @property
    def growing(self) -> Way:
        """From the small length to the full one."""
        return Way(self.small, self.full, self.smalls, self.fulls)


Sides = tuple[Side, Side]
"""Height and width."""


class Bank(nn.Module):
    """Filters that depend on where small pixels lie between the full-size ones, and on the scale.

    A small pixel has its centre somewhere between full-size pixels. Around it, the picture is looked at in steps of a
    full-size pixel: by linear interpolation as long as nothing is learned. Or, `relative`, in steps of half a small
    pixel, by cubic interpolation: as if the picture were resampled first. Both are the pixels themselves at scale 2. A
    small net adds to that, from the fraction of the position and the scale. Both sides of a picture share a bank.

    In the spirit of the weights of Meta-SR (Hu et al. 2019) and of conditional resampling (AIDN, Xing et al. 2023).

    Args:
        taps: pixels that a filter reaches.
        hidden: width of the net.
        relative: in which steps filters look.
    """

    def __init__(self, taps: int, hidden: int, *, relative: bool) -> None:
        super().__init__()
        self.taps, self.relative = taps, relative
        self.offsets = RELATIVE_OFFSETS if relative else OFFSETS
        self.inner = nn.Linear(8, hidden)
        self.outer = nn.Linear(hidden, self.offsets * taps)
        self.forget()

    def forget(self) -> None:
        """Go back to what has learned nothing."""
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def learned(self, fraction: Tensor, scale: float) -> Tensor:
        """What is added for each of n fractions, from 0 to 1: (n, offsets, taps)."""
        angle = 2 * torch.pi * fraction
        told = [fraction - 0.5, angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()]
        told += [torch.full_like(fraction, v) for v in (scale / 2 - 1, 1 / scale, math.log(scale))]
        x = torch.stack(told, 1)
        return self.outer(torch.nn.functional.silu(self.inner(x))).view(-1, self.offsets, self.taps)

    def _places(self, way: Way) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where n outputs, their inputs and the filters lie.

        The fraction, (n,); the inputs around, (n, taps); how many inputs these lie after it, (n, 1, taps); and how many
        steps from the centre of a small pixel the filters look, (offsets, 1).
        """
        device = self.outer.weight.device
        fraction, at = way.places(self.taps, device)
        after = torch.arange(self.taps, device=device) - (self.taps // 2 - 1) - fraction[:, None, None]
        looks = torch.arange(self.offsets, device=device) - (self.offsets - 1) / 2
        return fraction, at, after, looks[:, None]

    def _matrix(self, weights: Tensor, at: Tensor, seen: tuple[int, int]) -> Tensor:
        """(n, offsets, inputs seen) of weights (n, offsets, taps) of the inputs at (n, taps)."""
        matrix = weights.new_zeros(len(weights), self.offsets, seen[1] - seen[0])
        return matrix.scatter_add(2, (at - seen[0])[:, None].expand_as(weights), weights)


class Analysis(Bank):
    """From full-size pixels to small ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64, *, relative: bool = False) -> None:
        super().__init__(REACH, hidden, relative=relative)

    def forward(self, side: Side) -> Tensor:
        """(small, offsets, full): how much each full-size pixel counts for each filter of each small one."""
        fraction, at, after, looks = self._places(side.shrinking)
        linear = (1 - (after - looks).abs()).clamp(min=0)
        weights = keys(after - looks * side.scale / 2) if self.relative else linear
        return self._matrix(weights + self.learned(fraction, side.scale), at, side.fulls)


class Synthesis(Bank):
    """From small pixels to full-size ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64, *, relative: bool = False) -> None:
        super().__init__(RELATIVE_NEAR if relative else NEAR, hidden, relative=relative)

    def forward(self, side: Side) -> Tensor:
        """(full, offsets, small): how much each filter of each small pixel counts for each full-size one."""
        fraction, at, after, looks = self._places(side.growing)
        if self.relative:
            # What the two middle filters of all small pixels say is a picture of twice their number.
            weights = keys((2 * after + looks) / max(1.0, 2 / side.scale)) * (looks.abs() < 1)
            weights = weights / weights.sum((1, 2), keepdim=True)
        else:
            weights = (1 - (after * side.scale + looks).abs()).clamp(min=0)
        return self._matrix(weights + self.learned(fraction, side.scale), at, side.smalls)


def shrunk(x: Tensor, sides: Sides) -> Tensor:
    """Antialiased bicubic shrinking, `regrow.nets.ops.resample.bicubic`, of a picture or a part of it.

    (B, C, H, W) -> (B, C, h, w): from the full-size pixels that the sides have to their small ones. Beyond those that
    there are, the first and the last are repeated.
    """
    return _resampled(x, sides[0].shrinking, sides[1].shrinking)


def grown(y: Tensor, sides: Sides) -> Tensor:
    """Bicubic enlargement of a picture or a part of it: (B, C, h, w) -> (B, C, H, W), as `shrunk`."""
    return _resampled(y, sides[0].growing, sides[1].growing)


def _resampled(x: Tensor, down: Way, across: Way) -> Tensor:
    x = torch.einsum("hy,bcyx->bchx", _cubic(down, x.device), x)
    return torch.einsum("bchx,wx->bchw", x, _cubic(across, x.device))


def _cubic(way: Way, device: torch.device) -> Tensor:
    """(outputs made, inputs seen): the matrix of a side."""
    wide = max(1.0, way.inputs / way.outputs)
    reach = math.ceil(CUBIC * wide)
    fraction, at = way.places(2 * reach, device)
    far = torch.arange(2 * reach, device=device) - (reach - 1) - fraction[:, None]
    weights = keys(far / wide)
    matrix = weights.new_zeros(len(weights), way.seen[1] - way.seen[0])
    at = (at - way.seen[0]).clamp(0, matrix.shape[1] - 1)
    return matrix.scatter_add(1, at, weights / weights.sum(1, keepdim=True))


def most(x: Tensor, down: Way, across: Way) -> Tensor:
    """The largest value that each pixel of a result covers, or is next to: (B, C, inputs) -> (B, C, outputs)."""
    for axis, way in ((-2, down), (-1, across)):
        covered = way.inputs / way.outputs / 2 if way.inputs > way.outputs else 0.5
        at = way.places(2 * math.ceil(covered + 1), x.device)[1]
        at = (at - way.seen[0]).clamp(0, x.shape[axis] - 1)
        x = torch.unflatten(x.index_select(axis, at.flatten()), axis, at.shape).amax(axis)
    return x


def fulls_for(full: int, small: int, smalls: tuple[int, int]) -> tuple[int, int]:
    """The full-size pixels that some small ones are made of: from, to (exclusive)."""
    taps = max(REACH, 2 * math.ceil(CUBIC * full / small))
    return _span(Side(full, small, (0, full), smalls).shrinking, taps)


def smalls_for(full: int, small: int, fulls: tuple[int, int]) -> tuple[int, int]:
    """The small pixels that some full-size ones are grown of: from, to (exclusive)."""
    return _span(Side(full, small, fulls, (0, small)).growing, 2 * CUBIC)


def _span(way: Way, taps: int) -> tuple[int, int]:
    at = way.places(taps, torch.device("cpu"))[1]
    return int(at.min()), int(at.max()) + 1


def fulls_of(full: int, small: int, smalls: tuple[int, int]) -> tuple[int, int]:
    """The full-size pixels that are grown of none but some small ones: from, to (exclusive); perhaps none."""
    at = Side.whole(full, small).growing.places(2 * CUBIC, torch.device("cpu"))[1]
    inside = ((at >= smalls[0]) & (at < smalls[1])).all(1).nonzero()
    return (int(inside.min()), int(inside.max()) + 1) if len(inside) else (0, 0)


def positions(inputs: int, outputs: int, part: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Where some of the outputs have their centres among the inputs: the fraction, and the input before it, (n,)."""
    # In whole numbers: large pictures have positions that float32 cannot hold.
    doubled = (2 * torch.arange(*part, device=device) + 1) * inputs - outputs
    first = torch.div(doubled, 2 * outputs, rounding_mode="floor")
    return (doubled - 2 * outputs * first) / (2 * outputs), first

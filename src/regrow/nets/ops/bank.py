"""Filters along the sides of pictures, for any ratio of two sizes, of whole pictures or parts of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regrow.cubic import keys
from regrow.sides import FILTERS, Side, Sides, Way

OFFSETS, NEAR = 6, 2
"""Filters of a bank in steps of a full-size pixel, and the small pixels whose filters reach a full-size one."""
RELATIVE_OFFSETS, RELATIVE_NEAR = 4, 4
"""The same for filters in steps of half a small pixel."""


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

    def learned(self, fraction: Tensor, scale: Tensor) -> Tensor:
        """What is added for each of n fractions, from 0 to 1, at a scale, (): (n, offsets, taps)."""
        angle = 2 * torch.pi * fraction
        told = [fraction - 0.5, angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()]
        told += [value.expand_as(fraction) for value in (scale / 2 - 1, 1 / scale, scale.log())]
        x = torch.stack(told, 1)
        return self.outer(torch.nn.functional.silu(self.inner(x))).view(-1, self.offsets, self.taps)

    def _places(self, way: Way) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where n outputs, their inputs and the filters lie.

        The fraction, (n,); the inputs around, (n, taps); how many inputs these lie after it, (n, 1, taps); and how many
        steps from the centre of a small pixel the filters look, (offsets, 1).
        """
        device = self.outer.weight.device
        fraction, at = _places(way, self.taps, device)
        after = torch.arange(self.taps, device=device) - (self.taps // 2 - 1) - fraction[:, None, None]
        looks = torch.arange(self.offsets, device=device) - (self.offsets - 1) / 2
        return fraction, at, after, looks[:, None]

    def _matrix(self, weights: Tensor, at: Tensor, way: Way) -> Tensor:
        """(n, offsets, inputs seen) of weights (n, offsets, taps) of the inputs at (n, taps)."""
        matrix = weights.new_zeros(weights.shape[0], self.offsets, way.length)
        return matrix.scatter_add(2, (at - way.first)[:, None].expand_as(weights), weights)


class Analysis(Bank):
    """From full-size pixels to small ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64, *, relative: bool = False) -> None:
        super().__init__(FILTERS, hidden, relative=relative)

    def forward(self, side: Side) -> Tensor:
        """(small, offsets, full): how much each full-size pixel counts for each filter of each small one."""
        fraction, at, after, looks = self._places(side.shrinking)
        scale = _number(side.scale, fraction)
        linear = (1 - (after - looks).abs()).clamp(min=0)
        weights = keys(after - looks * scale / 2) if self.relative else linear
        return self._matrix(weights + self.learned(fraction, scale), at, side.shrinking)


class Synthesis(Bank):
    """From small pixels to full-size ones: a matrix for each side of a picture."""

    def __init__(self, hidden: int = 64, *, relative: bool = False) -> None:
        super().__init__(RELATIVE_NEAR if relative else NEAR, hidden, relative=relative)

    def forward(self, side: Side) -> Tensor:
        """(full, offsets, small): how much each filter of each small pixel counts for each full-size one."""
        fraction, at, after, looks = self._places(side.growing)
        scale = _number(side.scale, fraction)
        if self.relative:
            # What the two middle filters of all small pixels say is a picture of twice their number.
            weights = keys((2 * after + looks) / (2 / scale).clamp(min=1)) * (looks.abs() < 1)
            weights = weights / weights.sum((1, 2), keepdim=True)
        else:
            weights = (1 - (after * scale + looks).abs()).clamp(min=0)
        return self._matrix(weights + self.learned(fraction, scale), at, side.growing)


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
    fraction, at = _places(way, way.taps, device)
    far = torch.arange(way.taps, device=device) - (way.taps // 2 - 1) - fraction[:, None]
    weights = keys(far / way.wide)
    matrix = weights.new_zeros(weights.shape[0], way.length)
    at = (at - way.first).clamp(0, way.length - 1)
    return matrix.scatter_add(1, at, weights / weights.sum(1, keepdim=True))


def _places(way: Way, taps: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`Way.places` as tensors."""
    fraction, at = way.places(taps)
    return torch.as_tensor(fraction, dtype=torch.float32, device=device), torch.as_tensor(at, device=device)


def _number(value: float, like: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)

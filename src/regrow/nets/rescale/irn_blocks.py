"""The parts of invertible rescaling nets: squeezes, and the blocks that mix what they give (Xiao et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock

Subnet = Callable[[int, int], nn.Module]
"""Makes a subnet of so many channels, in and out: (B, inputs, h, w) around 0 -> (B, outputs, h, w)."""


class Dense(nn.Module):
    """Five 3x3 convolutions, each of which sees the input and all before it: (B, inputs, h, w) -> (B, outputs, h, w).

    Each of the first four adds so many `channels`. Leaky ReLU of slope 0.2 between them. The last one starts at zero.
    """

    layers = 5

    def __init__(self, inputs: int, outputs: int, channels: int) -> None:
        super().__init__()
        widths = [channels] * (self.layers - 1) + [outputs]
        self.convs = nn.ModuleList(nn.Conv2d(inputs + i * channels, n, 3, padding=1) for i, n in enumerate(widths))
        _zero(self.convs[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) around 0 -> (B, outputs, h, w), in the precision of x."""
        head, *middle, tail = self.convs
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            x = x.contiguous(memory_format=torch.channels_last)
            features = [x, F.leaky_relu(head(x), 0.2)]
        for conv in middle:
            features.append(F.leaky_relu(conv(torch.cat(features, 1)), 0.2))
        return tail(torch.cat(features, 1)).to(x.dtype)


class Residual(nn.Module):
    """head -> `depth` residual blocks -> tail: (B, inputs, h, w) -> (B, outputs, h, w). The tail starts at zero."""

    def __init__(self, inputs: int, outputs: int, channels: int, depth: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(inputs, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(depth)))
        self.tail = nn.Conv2d(channels, outputs, 3, padding=1)
        _zero(self.tail)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) around 0 -> (B, outputs, h, w), in the precision of x."""
        with torch.autocast(x.device.type, enabled=False):  # as in Dense
            head = self.head(x.contiguous(memory_format=torch.channels_last))
        return self.tail(self.blocks(head)).to(x.dtype)


class Squeeze(nn.Module):
    """The 2x2 Haar transform of each channel (section 3.2), or a learned map that starts as it.

    ::

        low   1/4 ( a + b + c + d )        pixels  a b
        high  1/4 ( a - b + c - d )                c d
              1/4 ( a + b - c - d )
              1/4 ( a - b - c + d )

    Quarters, for which halves would be orthonormal, so that the low band is the mean; back are plain sums. The learned
    map is that times the exponential of a 4x4 matrix for each channel: invertible, whatever is learned.
    """

    def __init__(self, channels: int, learned: bool) -> None:
        super().__init__()
        self.generator = nn.Parameter(torch.zeros(channels, 4, 4)) if learned else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 2h, 2w) -> (B, 4C, h, w): C channels of the low band, then those of each high one."""
        n, _, h, w = x.shape
        a, b, c, d = F.pixel_unshuffle(x, 2).reshape(n, -1, 4, h // 2, w // 2).unbind(2)
        left, right, upper, lower = a + c, b + d, a - c, b - d
        bands = torch.stack([left + right, left - right, upper + lower, upper - lower], 1) / 4
        return self._mixed(bands, 1).flatten(1, 2)

    def inverse(self, y: Tensor) -> Tensor:
        """(B, 4C, h, w) -> (B, C, 2h, 2w)."""
        n, _, h, w = y.shape
        low, across, down, both = self._mixed(y.reshape(n, 4, -1, h, w), -1).unbind(1)
        left, right, upper, lower = low + across, low - across, down + both, down - both
        pixels = torch.stack([left + upper, right + lower, left - upper, right - lower], 2)
        return F.pixel_shuffle(pixels.flatten(1, 2), 2)

    def _mixed(self, bands: Tensor, sign: int) -> Tensor:
        """(B, 4, C, h, w), the four bands of each channel mixed as learned (sign 1) or unmixed (-1)."""
        if self.generator is None:
            return bands
        with torch.autocast(bands.device.type, enabled=False):
            return torch.einsum("coi,bichw->bochw", torch.linalg.matrix_exp(sign * self.generator), bands)


class Coupling(nn.Module):
    """An invertible block: the low half takes up from the high one, and the high one from that (section 3.2).

    ::

        low'  = low + phi(high)
        high' = high * exp(2 sigmoid(rho(low')) - 1) + eta(low')

    Where it is not `affine`, there is no rho: the high half is only added to.
    """

    def __init__(self, low: int, high: int, subnet: Subnet, *, affine: bool) -> None:
        super().__init__()
        self.phi = subnet(high, low)
        self.eta = subnet(low, high)
        self.rho = subnet(low, high) if affine else None

    def low(self, low: Tensor, high: Tensor) -> Tensor:
        """Low and high halves, (B, low, h, w) and (B, high, h, w), -> the low half after the block."""
        return low + self.phi(high)

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves after the block."""
        low = self.low(low, high)
        if self.rho is not None:
            high = high * torch.exp(self._strength(low))
        return low, high + self.eta(low)

    def inverse(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves before the block from those after it."""
        high = high - self.eta(low)
        if self.rho is not None:
            high = high * torch.exp(-self._strength(low))
        return low - self.phi(high), high

    def _strength(self, low: Tensor) -> Tensor:
        """Between -1 and 1: no block scales by more than e."""
        assert self.rho is not None
        return 2 * torch.sigmoid(self.rho(low)) - 1


class Stage(nn.Module):
    """A squeeze and its invertible blocks: (B, C, 2h, 2w) -> (B, 4C, h, w), the first three the small picture."""

    def __init__(self, channels: int, blocks: int, subnet: Subnet, *, affine: bool, learned: bool) -> None:
        super().__init__()
        self.squeeze = Squeeze(channels, learned)
        couplings = (Coupling(3, 4 * channels - 3, subnet, affine=affine) for _ in range(blocks))
        self.couplings: list[Coupling] = nn.ModuleList(couplings)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        """Both halves, joined."""
        low, high = _halves(self.squeeze(x))
        for coupling in self.couplings:
            low, high = coupling(low, high)
        return torch.cat([low, high], 1)

    def low(self, x: Tensor) -> Tensor:
        """(B, 3, h, w), the small picture alone: without what the last block would do for the other half."""
        low, high = _halves(self.squeeze(x))
        *couplings, last = self.couplings
        for coupling in couplings:
            low, high = coupling(low, high)
        return last.low(low, high)

    def inverse(self, y: Tensor) -> Tensor:
        """(B, 4C, h, w) -> (B, C, 2h, 2w)."""
        low, high = _halves(y)
        for coupling in reversed(self.couplings):
            low, high = coupling.inverse(low, high)
        return self.squeeze.inverse(torch.cat([low, high], 1))


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :3], x[:, 3:]


def _zero(conv: nn.Module) -> None:
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)

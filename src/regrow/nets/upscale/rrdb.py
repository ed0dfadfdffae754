"""Residual-in-residual dense blocks, RRDB: the generator of ESRGAN (Wang et al., ECCV workshops 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, DenseLayers, Residual, Upsampler, conv, leaky


@dataclass(frozen=True, kw_only=True)
class RRDBConfig:
    """Settings; the paper's scale is 4.

    `RRDBConfig(scale=2, unshuffle=2)` is the net of Real-ESRGAN (Wang et al. 2021, figure 4) for twice the size.
    """

    scale: int = 4
    """1, 2, 3, 4 or 8."""
    channels: int = 64
    growth: int = 32
    blocks: int = 23
    residual_scaling: float = 0.2
    upsampler: str = "nearest"
    unshuffle: int = 1
    """How many times smaller pictures become first, their pixels put into channels; they grow by that much more."""

    def __post_init__(self) -> None:
        one_of((1, 2, 3, 4, 8), scale=self.scale)
        one_of((1, 2, 4), unshuffle=self.unshuffle)
        in_range(1, 1024, channels=self.channels, growth=self.growth)
        in_range(0, 64, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


def dense_block(channels: int, growth: int, scaling: float) -> Residual:
    """X + scaling * convolution of what four dense layers made (figure 4)."""
    block = Residual(DenseLayers(channels, growth, 4, leaky), conv(channels + 4 * growth, channels), scaling=scaling)
    with torch.no_grad():  # small starts, as the paper's section 3.1
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(0.1)
    return block


def nested_block(channels: int, growth: int, scaling: float) -> Residual:
    """X + scaling * three dense blocks."""
    return Residual(*(dense_block(channels, growth, scaling) for _ in range(3)), scaling=scaling)


class RRDB(Restorer):
    """head -> nested dense blocks -> convolution, + head -> nearest-neighbour upsampler -> two convolutions (figure 3).

    16,697,987 parameters at x4; the authors' model zoo says 16.7 million. Pictures that are unshuffled are first
    extended to whole cells by repeating their last row and column.
    """

    architecture = "rrdb"
    Config = RRDBConfig

    def __init__(self, config: RRDBConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RRDBConfig()
        self.scale, self.grid, c = config.scale, config.unshuffle, config.channels
        inner = self.scale * self.grid
        self.head = conv(3 * self.grid**2, c)
        self.blocks = nn.Sequential(
            *(nested_block(c, config.growth, config.residual_scaling) for _ in range(config.blocks))
        )
        self.trunk_conv = conv(c, c)
        self.upsampler = Upsampler(c, inner, kind=config.upsampler, activation=leaky)
        self.tail = nn.Sequential(conv(c, c), leaky(), conv(c, 3))
        self.halo = self.grid * (2 + 15 * config.blocks + ceil(self.upsampler.reach + Fraction(2, inner)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        height, width = y.shape[-2:]
        y = F.pixel_unshuffle(F.pad(y, (0, -width % self.grid, 0, -height % self.grid), "replicate"), self.grid)
        head = self.head(y.contiguous(memory_format=torch.channels_last))
        grown = self.tail(self.upsampler(head + self.trunk_conv(self.blocks(head)))).float()
        return grown[..., : height * self.scale, : width * self.scale]

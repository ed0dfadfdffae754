"""The fully convolutional net of EnhanceNet (Sajjadi, Schölkopf and Hirsch, ICCV 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.ops.resample import bicubic_by
from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, relu, zero_start


@dataclass(frozen=True, kw_only=True)
class EnhanceNetConfig:
    """Settings; the paper's scale is 4."""

    scale: int = 4
    """2, 3, 4 or 8."""
    channels: int = 64
    blocks: int = 10
    upsampler: str = "nearest"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class EnhanceNet(Restorer):
    """head -> residual blocks -> nearest-neighbour upsampler -> two convolutions, + bicubic (table 1).

    852,867 parameters at x4; the paper does not count them.
    """

    scale: int
    architecture = "enhancenet"
    Config = EnhanceNetConfig

    def __init__(self, config: EnhanceNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EnhanceNetConfig()
        self.scale, c = config.scale, config.channels
        self.head = nn.Sequential(conv(3, c), relu())
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.blocks)))
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler, activation=relu)
        self.tail = nn.Sequential(conv(c, c), relu(), zero_start(conv(c, 3)))
        self.halo = 1 + 2 * config.blocks + ceil(self.upsampler.reach + Fraction(2, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = self.blocks(self.head(y.contiguous(memory_format=torch.channels_last)))
        enlarged = bicubic_by(y, self.scale)
        return enlarged + self.tail(self.upsampler(x)).float()

"""Residual dense network, RDN (Zhang, Tian, Kong, Zhong and Fu, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, relu, residual_dense


@dataclass(frozen=True, kw_only=True)
class RDNConfig:
    """Settings; the paper's are D = 16 blocks of C = 8 layers with growth 64."""

    scale: int = 2
    """2, 3, 4 or 8."""
    channels: int = 64
    growth: int = 64
    layers: int = 8
    blocks: int = 16
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels, growth=self.growth)
        in_range(1, 64, layers=self.layers, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class RDN(Restorer):
    """two convolutions -> dense blocks -> 1x1 and 3x3 fusion of all, + the first convolution -> upsampler -> tail.

    22,123,395 parameters at x2 (figure 2); the paper does not count them, and others who do say 22 million.
    """

    architecture = "rdn"
    Config = RDNConfig

    def __init__(self, config: RDNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RDNConfig()
        self.scale, c = config.scale, config.channels
        self.head, self.second = conv(3, c), conv(c, c)
        self.blocks = nn.ModuleList(residual_dense(c, config.growth, config.layers, relu) for _ in range(config.blocks))
        self.fusion = nn.Sequential(conv(c * config.blocks, c, 1), conv(c, c))
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler)
        self.tail = conv(c, 3)
        inside = 3 + config.blocks * config.layers
        self.halo = inside + ceil(self.upsampler.reach + Fraction(1, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        head = self.head(y.contiguous(memory_format=torch.channels_last))
        x, made = self.second(head), []
        for block in self.blocks:
            x = block(x)
            made.append(x)
        return self.tail(self.upsampler(head + self.fusion(torch.cat(made, 1)))).float()

"""Super-resolution with feature discrimination: the generator of SRFeat (Park, Son, Cho, Hong and Lee, ECCV 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, leaky, normalized_block


@dataclass(frozen=True, kw_only=True)
class SRFeatConfig:
    """Settings; the paper's scale is 4."""

    scale: int = 4
    """2, 3, 4 or 8."""
    channels: int = 128
    blocks: int = 16
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 256, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class SRFeat(Restorer):
    """9x9 head -> residual blocks with batch normalisation -> sum of a 1x1 convolution of each -> upsampler -> tail.

    The last block is added as it is. 6,193,923 parameters at x4; the paper does not count them.
    """

    architecture = "srfeat"
    Config = SRFeatConfig

    def __init__(self, config: SRFeatConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRFeatConfig()
        self.scale, c = config.scale, config.channels
        self.head = nn.Sequential(conv(3, c, 9), leaky())
        self.blocks = nn.ModuleList(normalized_block(c, leaky) for _ in range(config.blocks))
        self.skips = nn.ModuleList(conv(c, c, 1) for _ in range(config.blocks - 1))
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler, activation=leaky)
        self.tail = conv(c, 3)
        self.halo = 4 + 2 * config.blocks + ceil(self.upsampler.reach + Fraction(1, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = self.head(y.contiguous(memory_format=torch.channels_last))
        total: Tensor | float = 0.0
        for i, block in enumerate(self.blocks):
            x = block(x)
            total = total + (self.skips[i](x) if i < len(self.skips) else x)
        return self.tail(self.upsampler(total)).float()

"""Residual attention modules, SRRAM (Kim, Choi, Cheon and Lee, "RAM: residual attention module", 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Residual, Upsampler, conv, mean_color, relu


@dataclass(frozen=True, kw_only=True)
class SRRAMConfig:
    """Settings."""

    scale: int = 2
    """2, 3, 4 or 8."""
    channels: int = 64
    blocks: int = 10
    reduction: int = 16
    """Of channels inside the channel attention."""
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels, reduction=self.reduction)
        in_range(0, 256, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class Attention(nn.Module):
    """x * sigmoid(channel + spatial): of each channel's variance, and of what lies around each of its pixels."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.channel = nn.Sequential(conv(channels, narrow, 1), relu(), conv(narrow, channels, 1))
        self.spatial = conv(channels, channels, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        variance = x.var((-2, -1), correction=0, keepdim=True)
        return x * (self.channel(variance) + self.spatial(x)).sigmoid()


class SRRAM(Restorer):
    """head -> residual attention modules -> convolution, + head -> upsampler -> tail.

    The published nets have 942, 1,127 and 1,090 thousand parameters at x2, x3 and x4; with ten blocks there are 3
    thousand less. Channel attention looks at the whole of what it is given, so tiles agree with the whole only nearly.
    """

    architecture = "srram"
    Config = SRRAMConfig

    def __init__(self, config: SRRAMConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRRAMConfig()
        self.scale, c = config.scale, config.channels
        self.head = conv(3, c)
        self.blocks = nn.Sequential(
            *(Residual(conv(c, c), relu(), conv(c, c), Attention(c, config.reduction)) for _ in range(config.blocks))
        )
        self.trunk = conv(c, c)
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler)
        self.tail = conv(c, 3)
        self.halo = 3 * config.blocks + 2 + ceil(self.upsampler.reach + Fraction(1, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean = mean_color(y)
        head = self.head((y - mean).contiguous(memory_format=torch.channels_last))
        x = head + self.trunk(self.blocks(head))
        return self.tail(self.upsampler(x)).float() + mean

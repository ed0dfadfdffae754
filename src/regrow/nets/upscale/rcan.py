"""Residual channel attention network, RCAN (Zhang, Li, Li, Wang, Zhong and Fu, ECCV 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, ChannelAttention, Residual, Upsampler, conv, mean_color, relu


@dataclass(frozen=True, kw_only=True)
class RCANConfig:
    """Settings."""

    scale: int = 2
    """2, 3, 4 or 8."""
    channels: int = 64
    groups: int = 10
    blocks: int = 20
    """Of each group."""
    reduction: int = 16
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels, reduction=self.reduction)
        in_range(1, 64, groups=self.groups, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class RCAN(Restorer):
    """head -> groups of residual blocks with channel attention, each with a skip, + head -> upsampler -> tail.

    15,444,643 parameters at x2, 15,592,355 at x4; the paper says 16 million. The halo covers the convolutions; the
    means that attention takes are those of a tile.
    """

    architecture = "rcan"
    Config = RCANConfig

    def __init__(self, config: RCANConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RCANConfig()
        self.scale, c = config.scale, config.channels
        self.head = conv(3, c)
        self.body = Residual(*(self._group() for _ in range(config.groups)), conv(c, c))
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler)
        self.tail = conv(c, 3)
        inside = 2 + config.groups * (2 * config.blocks + 1)
        self.halo = inside + ceil(self.upsampler.reach + Fraction(1, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _group(self) -> Residual:
        c, reduction = self.config.channels, self.config.reduction
        blocks = (
            Residual(conv(c, c), relu(), conv(c, c), ChannelAttention(c, reduction)) for _ in range(self.config.blocks)
        )
        return Residual(*blocks, conv(c, c))

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean = mean_color(y)
        x = self.body(self.head((y - mean).contiguous(memory_format=torch.channels_last)))
        return self.tail(self.upsampler(x)).float() + mean

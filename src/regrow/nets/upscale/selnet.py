"""Selection units, SelNet (Choi and Kim, CVPR workshops 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.ops.resample import bicubic_by
from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Residual, Upsampler, conv, relu, zero_start


@dataclass(frozen=True, kw_only=True)
class SelNetConfig:
    """Settings; `SelNetConfig(colors=1)` is the paper's."""

    scale: int = 2
    """2, 3, 4 or 8, at once."""
    channels: int = 64
    blocks: int = 10
    """Residual units of two convolutions."""
    colors: int = 3
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)
        one_of((1, 3), colors=self.colors)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class SelectionUnit(nn.Module):
    """x * sigmoid(a 1x1 convolution of ReLU(x)): a switch for each feature, where ReLU's is its own sign."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.choose = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        return x * self.choose(x.relu()).sigmoid()


class SelNet(LumaRestorer):
    """convolution -> residual units -> sub-pixel layer -> convolution, + bicubic; a selection unit after each feature.

    The published net has 974 thousand parameters at x2, 1,159 at x3 and 1,417 at x4, and so has this one.
    """

    architecture = "selnet"
    Config = SelNetConfig
    enlarged = False

    def __init__(self, config: SelNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SelNetConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.head = nn.Sequential(conv(config.colors, c), SelectionUnit(c))
        self.units = nn.Sequential(
            *(Residual(conv(c, c), SelectionUnit(c), conv(c, c), SelectionUnit(c)) for _ in range(config.blocks))
        )
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler, activation=relu, at_once=True)
        self.tail = zero_start(conv(c, config.colors))
        self.halo = max(3, 1 + 2 * config.blocks + ceil(self.upsampler.reach + Fraction(1, config.scale)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        return bicubic_by(x, self.scale) + self.tail(self.upsampler(self.units(self.head(x))))

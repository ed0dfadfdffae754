"""Super-resolution by dense skip connections, SRDenseNet (Tong, Li, Liu and Gao, ICCV 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, DenseLayers, Upsampler, conv, relu


@dataclass(frozen=True, kw_only=True)
class SRDenseNetConfig:
    """Settings; `SRDenseNetConfig(colors=1)` is the paper's SRDenseNet_All."""

    scale: int = 4
    """2, 4 or 8; the paper's is 4."""
    growth: int = 16
    layers: int = 8
    blocks: int = 8
    narrow: int = 256
    """Channels after the 1x1 bottleneck."""
    colors: int = 3
    upsampler: str = "transposed"

    def __post_init__(self) -> None:
        one_of((2, 4, 8), scale=self.scale)
        in_range(1, 1024, growth=self.growth, narrow=self.narrow)
        in_range(1, 64, layers=self.layers, blocks=self.blocks)
        one_of((1, 3), colors=self.colors)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class SRDenseNet(LumaRestorer):
    """convolution -> dense blocks -> all of them concatenated -> bottleneck -> upsampler -> convolution.

    Figure 2c. A block gives on what its layers made, without its input. The paper does not count parameters; there are
    3,175,681 at x4. A survey says 2,015 thousand, which this layout does not have.
    """

    architecture = "srdensenet"
    Config = SRDenseNetConfig
    enlarged = False

    def __init__(self, config: SRDenseNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRDenseNetConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.growth * config.layers
        self.head = nn.Sequential(conv(config.colors, c), relu())
        self.blocks = nn.ModuleList(DenseLayers(c, config.growth, config.layers, relu) for _ in range(config.blocks))
        self.bottleneck = nn.Sequential(conv(c * (config.blocks + 1), config.narrow, 1), relu())
        self.upsampler = Upsampler(config.narrow, config.scale, kind=config.upsampler, kernel=3, activation=relu)
        self.tail = conv(config.narrow, config.colors)
        inside = 1 + config.blocks * config.layers
        self.halo = inside + ceil(self.upsampler.reach + Fraction(1, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        made = [self.head(x)]
        for block in self.blocks:
            made.append(block(made[-1])[:, made[-1].shape[1] :])
        return self.tail(self.upsampler(self.bottleneck(torch.cat(made, 1))))

"""Efficient sub-pixel convolutional neural network, ESPCN (Shi et al., CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv


@dataclass(frozen=True, kw_only=True)
class ESPCNConfig:
    """Settings; `ESPCNConfig(colors=1)` is the paper's."""

    scale: int = 2
    """2, 3, 4 or 8, at once."""
    channels: int = 64
    narrow: int = 32
    colors: int = 3
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels, narrow=self.narrow)
        one_of((1, 3), colors=self.colors)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class ESPCN(LumaRestorer):
    """5x5 convolution, tanh -> 3x3 convolution, tanh -> 3x3 sub-pixel convolution (section 3.1, figure 1).

    At x3 the paper's net has 22,729 parameters, at x2 21,284; the paper does not count them.
    """

    architecture = "espcn"
    Config = ESPCNConfig
    enlarged = False

    def __init__(self, config: ESPCNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ESPCNConfig()
        self.scale, self.colors = config.scale, config.colors
        self.layers = nn.Sequential(
            conv(config.colors, config.channels, 5), nn.Tanh(), conv(config.channels, config.narrow), nn.Tanh()
        )
        self.upsampler = Upsampler(
            config.narrow, config.scale, config.colors, kind=config.upsampler, kernel=3, at_once=True
        )
        self.halo = 3 + int(self.upsampler.reach)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        return self.upsampler(self.layers(x))

"""Deeply-recursive convolutional network, DRCN (Kim, Lee and Lee, CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import conv, he_start, relu, zero_start


@dataclass(frozen=True, kw_only=True)
class DRCNConfig:
    """Settings; `DRCNConfig(colors=1)` is the paper's."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    channels: int = 256
    recursions: int = 16
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 64, recursions=self.recursions)
        one_of((1, 3), colors=self.colors)


class DRCN(LumaRestorer):
    """bicubic -> embedding -> one convolution again and again -> a reconstruction after each time -> weighted mean.

    All reconstructions share their weights and add the bicubic (figure 3b). 1,775,121 parameters, of which 16 are the
    weights of the mean.
    """

    architecture = "drcn"
    Config = DRCNConfig
    enlarged = True

    def __init__(self, config: DRCNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DRCNConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(4 + config.recursions, config.scale)
        self.embedding = nn.Sequential(conv(config.colors, c), relu(), conv(c, c), relu())
        self.recursion = conv(c, c)
        self.reconstruction = nn.Sequential(conv(c, c), relu(), conv(c, config.colors))
        self.mixing = nn.Parameter(torch.full((config.recursions,), 1 / config.recursions))
        he_start(self)
        nn.init.dirac_(self.recursion.weight)  # as published: what is repeated begins as the identity
        zero_start(self.reconstruction[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        hidden, total = self.embedding(x), torch.zeros_like(x)
        for weight in self.mixing / self.mixing.sum():
            hidden = self.recursion(hidden).relu()
            total = total + weight * self.reconstruction(hidden)
        return x + total

"""Super-resolution convolutional neural network, SRCNN (Dong, Loy, He and Tang, ECCV 2014 and TPAMI 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import conv, relu


@dataclass(frozen=True, kw_only=True)
class SRCNNConfig:
    """Settings; `SRCNNConfig(colors=1)` is the 9-5-5 of TPAMI, and `middle=1` the 9-1-5 of ECCV."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    channels: int = 64
    narrow: int = 32
    middle: int = 5
    """Side of the kernels of the second layer, odd."""
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels, narrow=self.narrow)
        one_of((1, 3, 5, 7), middle=self.middle)
        one_of((1, 3), colors=self.colors)


class SRCNN(LumaRestorer):
    """bicubic -> 9x9 convolution, ReLU -> middle convolution, ReLU -> 5x5 convolution (section 3.1).

    The paper counts 57,184 weights (8,032 for 9-1-5), to which 97 biases come. Borders are padded, so that the size
    stays.
    """

    architecture = "srcnn"
    Config = SRCNNConfig
    enlarged = True

    def __init__(self, config: SRCNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRCNNConfig()
        self.scale, self.colors = config.scale, config.colors
        self.halo = enlarged_halo(4 + config.middle // 2 + 2, config.scale)
        self.layers = nn.Sequential(
            conv(config.colors, config.channels, 9),
            relu(),
            conv(config.channels, config.narrow, config.middle),
            relu(),
            conv(config.narrow, config.colors, 5),
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        return self.layers(x)

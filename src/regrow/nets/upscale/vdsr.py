"""Very deep super-resolution (Kim, Lee and Lee, CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import he_start, plain, zero_start


@dataclass(frozen=True, kw_only=True)
class VDSRConfig:
    """Settings; `colors=1` is the paper's, which corrects luma alone."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    layers: int = 20
    channels: int = 64
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(2, 256, layers=self.layers)
        in_range(1, 1024, channels=self.channels)
        one_of((1, 3), colors=self.colors)


class VDSR(LumaRestorer):
    """bicubic -> `layers` convolutions without bias, ReLU between them, + the bicubic (figure 1).

    The paper's net has 664,704 parameters.
    """

    architecture = "vdsr"
    Config = VDSRConfig
    enlarged = True

    def __init__(self, config: VDSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VDSRConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(config.layers, config.scale)
        self.layers = plain([config.colors, *[c] * (config.layers - 1), config.colors], bias=False)
        he_start(self)
        zero_start(self.layers[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        return x + self.layers(x)

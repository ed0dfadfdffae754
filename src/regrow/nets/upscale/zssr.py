"""The net of zero-shot super-resolution, ZSSR (Shocher, Cohen and Irani, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range
from regrow.nets.upscale.blocks import he_start, plain, zero_start


@dataclass(frozen=True, kw_only=True)
class ZSSRConfig:
    """Settings."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    layers: int = 8
    channels: int = 64

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(2, 256, layers=self.layers)
        in_range(1, 1024, channels=self.channels)


class ZSSR(LumaRestorer):
    """bicubic -> `layers` convolutions, ReLU between them, + the bicubic (section 3.1), fitted to one picture alone.

    225,091 parameters; the paper does not count them.
    """

    architecture = "zssr"
    Config = ZSSRConfig
    enlarged = True
    colors = 3
    takes_bfloat16 = True

    def __init__(self, config: ZSSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ZSSRConfig()
        self.scale = config.scale
        self.halo = enlarged_halo(config.layers, config.scale)
        self.layers = plain([3, *[config.channels] * (config.layers - 1), 3])
        he_start(self)
        zero_start(self.layers[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same."""
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 does not hold all levels of a picture
            features = self.layers[0](x)
        return x + self.layers[1:](features)

"""Denoising convolutional neural network, DnCNN (Zhang, Zuo, Chen, Meng and Zhang, TIP 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import normalized


@dataclass(frozen=True, kw_only=True)
class DnCNNConfig:
    """Settings; `DnCNNConfig(colors=1)` is DnCNN-3, which enlarges too, and `layers=17, scale=1` DnCNN-S."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged. 1 takes noise or blocks of JPEG away."""
    layers: int = 20
    channels: int = 64
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(2, 256, layers=self.layers)
        in_range(1, 1024, channels=self.channels)
        one_of((1, 3), colors=self.colors)


class DnCNN(LumaRestorer):
    """bicubic -> `layers` convolutions, the inner ones with batch normalisation, ReLU between, + the bicubic.

    Figure 1. With 17 layers of one colour 556,097 parameters, with 20 667,073; the paper does not count them.
    """

    architecture = "dncnn"
    Config = DnCNNConfig
    enlarged = True

    def __init__(self, config: DnCNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DnCNNConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(config.layers, config.scale)
        self.layers = normalized([config.colors, *[c] * (config.layers - 1), config.colors], bias=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        return x + self.layers(x)

"""Discriminator of SRGAN (Ledig et al., CVPR 2017), and that of ESRGAN (Wang et al., ECCV workshops 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.model import Model


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """Settings.

    `DiscriminatorConfig()` is that of SRGAN, and `DiscriminatorConfig(side=128, stages=5, kernel=4, dense=100)` that of
    ESRGAN as its authors' code has it.
    """

    side: int = 96
    """Of the pictures it takes, in pixels: the dense layer sees every place, as published. 0 takes any size, for the
    dense layer sees the mean over all places, and needs far fewer weights."""
    channels: int = 64
    """Of the first stage; each has twice as many as the one before, up to 8 times."""
    stages: int = 4
    """Each halves the side."""
    kernel: int = 3
    """Side of the convolutions that halve: 3 or 4."""
    dense: int = 1024

    def __post_init__(self) -> None:
        if not 1 <= self.stages <= 8:
            raise ValueError(f"stages {self.stages} out of range: 1 to 8")
        if not 0 <= self.side <= 1024 or self.side % 2**self.stages:
            raise ValueError(f"side {self.side} is not a multiple of {2**self.stages} up to 1024, or 0")
        if not 1 <= self.channels <= 1024 or not 1 <= self.dense <= 8192:
            raise ValueError(f"channels {self.channels} or dense {self.dense} out of range: 1 to 1024, 1 to 8192")
        if self.kernel not in (3, 4):
            raise ValueError(f"kernel {self.kernel} is not 3 or 4")


class Discriminator(Model):
    """Pairs of convolutions, the second of which halves, -> dense -> one logit (SRGAN, figure 4).

    Leaky ReLU of slope 0.2 throughout; batch normalisation after all convolutions but the first. Its statistics are
    those of the batch at hand and no others: nothing keeps them, for it is used in training only.
    """

    architecture = "srgan-discriminator"
    Config = DiscriminatorConfig

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DiscriminatorConfig()
        layers: list[nn.Module] = []
        inputs = 3
        for stage in range(config.stages):
            outputs = config.channels * min(2**stage, 8)
            for kernel, stride in ((3, 1), (config.kernel, 2)):
                layers.append(nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=not layers))
                if inputs != 3:
                    layers.append(nn.BatchNorm2d(outputs, track_running_stats=False))
                layers.append(nn.LeakyReLU(0.2, inplace=True))
                inputs = outputs
        self.features = nn.Sequential(*layers)
        places = (config.side // 2**config.stages) ** 2 or 1
        self.head = nn.Sequential(
            nn.Linear(inputs * places, config.dense), nn.LeakyReLU(0.2, inplace=True), nn.Linear(config.dense, 1)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 1) logits, positive for what seems real."""
        features = self.features((2 * x - 1).contiguous(memory_format=torch.channels_last))
        return self.head(features.flatten(1) if self.config.side else features.mean((-2, -1))).float()

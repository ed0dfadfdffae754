"""Detail quality enhancer (DQE) of Super Colorization: adds what an enlarged picture still lacks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.upscale.base import Restorer, in_range
from regrow.nets.upscale.edsr import NORMALIZATIONS


@dataclass(frozen=True, kw_only=True)
class DQEConfig:
    """Settings."""

    channels: int = 32
    blocks: int = 8

    def __post_init__(self) -> None:
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)


class DQE(Restorer):
    """x + tail(head + convolution(residual blocks(head))): EDSR without its upsampler, around the picture itself.

    It is trained on what a finished net has enlarged, so that it learns what that one misses.
    """

    architecture = "dqe"
    Config = DQEConfig
    scale = 1

    def __init__(self, config: DQEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DQEConfig()
        c = config.channels
        self.halo = 2 * config.blocks + 3
        self.head = nn.Conv2d(3, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.blocks)))
        self.trunk_conv = nn.Conv2d(c, c, 3, padding=1)
        self.tail = nn.Conv2d(c, 3, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, h, w)."""
        mean, deviation = torch.tensor(NORMALIZATIONS["imagenet"], device=y.device).view(2, 1, 3, 1, 1)
        head = self.head(((y - mean) / deviation).contiguous(memory_format=torch.channels_last))
        return y + self.tail(head + self.trunk_conv(self.blocks(head))).float() * deviation

"""Super-resolution residual network, SRResNet: the generator of SRGAN (Ledig et al., CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, normalized_block


@dataclass(frozen=True, kw_only=True)
class SRResNetConfig:
    """Settings; the paper's scale is 4."""

    scale: int = 4
    """2, 3, 4 or 8."""
    channels: int = 64
    blocks: int = 16
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class SRResNet(Restorer):
    """9x9 head -> residual blocks with batch normalisation -> convolution, + head -> upsampler -> 9x9 tail (figure 4).

    PReLU has one slope a layer. 1,549,462 parameters at x4; the field rounds to 1.5 million.
    """

    architecture = "srresnet"
    Config = SRResNetConfig

    def __init__(self, config: SRResNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRResNetConfig()
        self.scale, c = config.scale, config.channels
        self.head = nn.Sequential(conv(3, c, 9), nn.PReLU())
        self.blocks = nn.Sequential(*(normalized_block(c, nn.PReLU) for _ in range(config.blocks)))
        self.trunk = nn.Sequential(conv(c, c), nn.BatchNorm2d(c))
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler, activation=nn.PReLU)
        self.tail = conv(c, 3, 9)
        self.halo = 4 + 2 * config.blocks + 1 + ceil(self.upsampler.reach + Fraction(4, config.scale))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        head = self.head(y.contiguous(memory_format=torch.channels_last))
        return self.tail(self.upsampler(head + self.trunk(self.blocks(head)))).float()

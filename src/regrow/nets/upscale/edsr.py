"""Enhanced deep super-resolution (Lim, Son, Kim, Nah and Lee, CVPR workshops 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import DIV2K_MEAN, UPSAMPLERS, Upsampler

NORMALIZATIONS = {
    "div2k": (DIV2K_MEAN, (1.0, 1.0, 1.0)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean colour, which is taken off, and deviation, which is divided by. The authors of EDSR only take off the mean."""


@dataclass(frozen=True, kw_only=True)
class EDSRConfig:
    """Settings.

    `EDSRConfig(channels=256, blocks=32, residual_scaling=0.1)` is the large net of the paper, and
    `EDSRConfig(blocks=24, extra=2, normalization="imagenet")` that of Super Colorization.
    """

    scale: int = 2
    """2, 3 or 4; 4 is 2 twice."""
    channels: int = 64
    blocks: int = 16
    residual_scaling: float = 1.0
    extra: int = 0
    """Convolutions with ReLU between the sub-pixel layer and the tail."""
    normalization: str = "div2k"
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)
        in_range(0, 16, extra=self.extra)
        one_of(tuple(NORMALIZATIONS), normalization=self.normalization)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class EDSR(Restorer):
    """head -> residual blocks without normalisation -> convolution, + head -> sub-pixel upsampler -> tail (figure 3).

    As published, pictures are shifted by a mean colour. The baseline at x2 has 1,369,859 parameters, the large net
    at x4 43 million.
    """

    architecture = "edsr"
    Config = EDSRConfig

    def __init__(self, config: EDSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EDSRConfig()
        self.scale, c = config.scale, config.channels
        self.head = nn.Conv2d(3, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c, config.residual_scaling) for _ in range(config.blocks)))
        self.trunk_conv = nn.Conv2d(c, c, 3, padding=1)
        self.upsampler = Upsampler(c, config.scale, kind=config.upsampler)
        self.halo = 2 * config.blocks + 2 + ceil(self.upsampler.reach + Fraction(config.extra + 1, config.scale))
        for _ in range(config.extra):
            self.upsampler.append(nn.Conv2d(c, c, 3, padding=1)).append(nn.ReLU(inplace=True))
        self.tail = nn.Conv2d(c, 3, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean, deviation = torch.tensor(NORMALIZATIONS[self.config.normalization], device=y.device).view(2, 1, 3, 1, 1)
        head = self.head(((y - mean) / deviation).contiguous(memory_format=torch.channels_last))
        x = head + self.trunk_conv(self.blocks(head))
        return self.tail(self.upsampler(x)).float() * deviation + mean

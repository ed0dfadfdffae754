"""Multi-scale deep super-resolution, MDSR (Lim, Son, Kim, Nah and Lee, CVPR workshops 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.upscale.base import ScaleRestorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, mean_color


@dataclass(frozen=True, kw_only=True)
class MDSRConfig:
    """Settings; `MDSRConfig(blocks=16)` is the paper's baseline."""

    scale: int = 2
    """2, 3 or 4, of which all weights are held: this is the one it runs at."""
    channels: int = 64
    blocks: int = 80
    residual_scaling: float = 1.0
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of(ScaleRestorer.SCALES, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, blocks=self.blocks)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class MDSR(ScaleRestorer):
    """head -> the scale's two 5x5 residual blocks -> body, + its input -> the scale's upsampler -> tail (figure 5).

    Head, body and tail serve all scales. 7,953,987 parameters; the paper says 8.0 million.
    """

    architecture = "mdsr"
    Config = MDSRConfig

    def __init__(self, config: MDSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MDSRConfig()
        self.scale, c = config.scale, config.channels
        self.head = conv(3, c)
        self.before = nn.ModuleDict(
            {str(s): nn.Sequential(*(ResidualBlock(c, kernel=5) for _ in range(2))) for s in self.scales}
        )
        self.blocks = nn.Sequential(*(ResidualBlock(c, config.residual_scaling) for _ in range(config.blocks)))
        self.trunk_conv = conv(c, c)
        self.upsamplers = nn.ModuleDict({str(s): Upsampler(c, s, kind=config.upsampler) for s in self.scales})
        self.tail = conv(c, 3)
        self.halo = 1 + 8 + 2 * config.blocks + 1 + 2
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean, scale = mean_color(y), str(self.scale)
        before = self.before[scale](self.head((y - mean).contiguous(memory_format=torch.channels_last)))
        x = self.upsamplers[scale](before + self.trunk_conv(self.blocks(before)))
        return self.tail(x).float() + mean

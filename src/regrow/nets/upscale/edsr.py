"""Enhanced deep super-resolution (Lim, Son, Kim, Nah and Lee, CVPR workshops 2017)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.upscale.base import Restorer

NORMALIZATIONS = {
    "div2k": ((0.4488, 0.4371, 0.4040), (1.0, 1.0, 1.0)),
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

    def __post_init__(self) -> None:
        if self.scale not in (2, 3, 4):
            raise ValueError(f"scale {self.scale} is not 2, 3 or 4")
        if not 1 <= self.channels <= 1024 or not 0 <= self.blocks <= 256:
            raise ValueError(f"channels {self.channels} or blocks {self.blocks} out of range: 1 to 1024, 0 to 256")
        if not 0 <= self.extra <= 16:
            raise ValueError(f"extra {self.extra} out of range: 0 to 16")
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"normalization {self.normalization!r} is not one of {', '.join(NORMALIZATIONS)}")


class EDSR(Restorer):
    """head -> residual blocks without normalisation -> convolution, + head -> sub-pixel upsampler -> tail (figure 3).

    As published, pictures are shifted by a mean colour. The baseline at x2 has 1,369,859 parameters.
    """

    def __init__(self, config: EDSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EDSRConfig()
        self.scale, c = config.scale, config.channels
        self.halo = 2 * config.blocks + 4 + -(-config.extra // config.scale)
        self.head = nn.Conv2d(3, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c, config.residual_scaling) for _ in range(config.blocks)))
        self.trunk_conv = nn.Conv2d(c, c, 3, padding=1)
        stages: list[nn.Module] = []
        for factor in (2, 2) if config.scale == 4 else (config.scale,):
            stages += [nn.Conv2d(c, factor * factor * c, 3, padding=1), nn.PixelShuffle(factor)]
        for _ in range(config.extra):
            stages += [nn.Conv2d(c, c, 3, padding=1), nn.ReLU(inplace=True)]
        self.upsampler = nn.Sequential(*stages)
        self.tail = nn.Conv2d(c, 3, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean, deviation = torch.tensor(NORMALIZATIONS[self.config.normalization], device=y.device).view(2, 1, 3, 1, 1)
        head = self.head(((y - mean) / deviation).contiguous(memory_format=torch.channels_last))
        x = head + self.trunk_conv(self.blocks(head))
        return self.tail(self.upsampler(x)).float() * deviation + mean

    def start_from(self, other: Model) -> None:
        """Take over the weights of another; all but the upsampler where that one enlarges by another scale."""
        if isinstance(other, EDSR) and replace(other.config, scale=self.scale) == self.config:
            own = self.state_dict()
            body = {k: v for k, v in other.state_dict().items() if not k.startswith("upsampler.")}
            self.load_state_dict(own | (body if other.scale != self.scale else other.state_dict()))
            return
        super().start_from(other)

    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the result."""
        pixels = 1 / self.scale**2  # at the resolution of the first convolution
        total = 0.0
        for module in (self.head, *self.blocks.modules(), self.trunk_conv, *self.upsampler, self.tail):
            if isinstance(module, nn.PixelShuffle):
                pixels *= module.upscale_factor**2
            elif isinstance(module, nn.Conv2d):
                total += module.weight.numel() * pixels
        return total

    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values."""
        return {"architecture": "edsr", **asdict(self.config)}

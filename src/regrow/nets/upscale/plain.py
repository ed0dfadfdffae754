"""Plain convolutions, one after the other: what processors run fastest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import conv, zero_start
from regrow.resample import bicubic


@dataclass(frozen=True, kw_only=True)
class PlainConfig:
    """Settings."""

    scale: int = 2
    """2, 3, 4 or 8."""
    channels: int = 48
    layers: int = 8
    """Convolutions between the first and the last."""

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, layers=self.layers)


class Plain(Restorer):
    """bicubic + shuffle(last(SiLU(convolution(... SiLU(first))))).

    Skips around single convolutions, which help training, are part of their weights (RepVGG, Ding et al. 2021): each
    starts as the identity. So there is nothing to add, to join or to keep while the net runs, and most of the time of
    other small nets goes there.
    """

    architecture = "plain"
    of_scale = ("last.",)
    takes_half = True

    def __init__(self, config: PlainConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PlainConfig()
        self.scale, c = config.scale, config.channels
        self.halo = max(config.layers + 2, 3)
        self.first = conv(3, c)
        self.body = nn.Sequential(*(part for _ in range(config.layers) for part in (conv(c, c), nn.SiLU(inplace=True))))
        self.last = zero_start(conv(c, 3 * config.scale**2))
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                with torch.no_grad():
                    layer.weight.mul_(0.5)[:, :, 1, 1] += torch.eye(c, device=layer.weight.device)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        size = y.shape[-2] * self.scale, y.shape[-1] * self.scale
        with torch.autocast(y.device.type, enabled=False):  # bfloat16 does not hold all levels of a picture
            x = F.silu(self.first((y - 0.5).contiguous(memory_format=torch.channels_last)))
        x = self.last(self.body(x))
        return bicubic(y, size) + F.pixel_shuffle(x.float(), self.scale)

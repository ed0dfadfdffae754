"""Plain convolutions, one after the other: what processors run fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.ops.resample import bicubic_phases
from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import conv, zero_start

CONTEXT = 4
ACTIVATIONS = {"hardswish": nn.Hardswish, "silu": nn.SiLU}


@dataclass(frozen=True, kw_only=True)
class PlainConfig:
    """Settings."""

    scale: int = 2
    """2, 3, 4 or 8."""
    channels: int = 48
    layers: int = 8
    """Convolutions between the first and the last."""
    context: int = 0
    """Convolutions of a quarter of the size, between the halves of the others, that look further around; 0 for none."""
    activation: str = "hardswish"
    """hardswish or silu; the one is nearly the other (Howard et al. 2019) and faster."""

    def __post_init__(self) -> None:
        one_of((2, 3, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(0, 256, layers=self.layers)
        in_range(0, 64, context=self.context)
        one_of(tuple(ACTIVATIONS), activation=self.activation)


class Plain(Restorer):
    """shuffle(bicubic + last(activation(convolution(... activation(first))))).

    With `context` the features halfway are also pooled, taken through convolutions at a quarter of the size, which cost
    a sixteenth, and added again.

    Skips around single convolutions, which help training, are part of their weights (RepVGG, Ding et al. 2021): each
    starts as the identity. So there is nothing to add, to join or to keep while the net runs, and most of the time of
    other small nets goes there. For the same reason bicubic enlargement is a convolution before the shuffle.
    """

    scale: int
    architecture = "plain"
    Config = PlainConfig
    reinitialized: ClassVar[dict[str, str]] = {"scale": "last.", "context": "context.", "activation": "activation."}
    takes_bfloat16 = True
    tile = 512  # there is little to hold

    def __init__(self, config: PlainConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PlainConfig()
        self.scale, c = config.scale, config.channels
        self.grid = CONTEXT if config.context else 1
        self.halo = config.layers + 2 + (CONTEXT * (config.context + 1) if config.context else 0)
        self.halo += -self.halo % self.grid
        self.activation = ACTIVATIONS[config.activation](inplace=True)
        self.first = conv(3, c)
        self.body = nn.Sequential(*(part for _ in range(config.layers) for part in (conv(c, c), self.activation)))
        self.context = nn.Sequential(*(part for _ in range(config.context) for part in (conv(c, c), self.activation)))
        self.last = zero_start(conv(c, 3 * config.scale**2))
        for layer in (*self.body, *self.context):
            if isinstance(layer, nn.Conv2d):
                with torch.no_grad():
                    layer.weight.mul_(0.5)[:, :, 1, 1].diagonal().add_(1)
        if self.context:
            zero_start(self.context[-2])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        y = y.contiguous(memory_format=torch.channels_last)
        with torch.autocast(y.device.type, enabled=False):  # bfloat16 does not hold all levels of a picture
            enlarged = bicubic_phases(y, self.scale)
            x = self.activation(self.first(y - 0.5))
        half = len(self.body) // 4 * 2
        x = self.body[:half](x)
        if self.context:
            x = x + self._around(x)
        return F.pixel_shuffle(enlarged + self.last(self.body[half:](x)), self.scale)

    def _around(self, x: Tensor) -> Tensor:
        """What a quarter of the size shows, at the full size; where that does not divide, of what there is."""
        height, width = x.shape[-2:]
        x = self.context(F.avg_pool2d(x, CONTEXT, ceil_mode=True))
        return F.interpolate(x, scale_factor=CONTEXT)[..., :height, :width]

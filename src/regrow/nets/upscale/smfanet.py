"""Self-modulation feature aggregation network, SMFANet (Zheng, Sun, Dong and Pan, ECCV 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv


@dataclass(frozen=True, kw_only=True)
class SMFANetConfig:
    """Settings."""

    scale: int = 2
    """2, 3 or 4, at once."""
    channels: int = 36
    blocks: int = 8
    expansion: int = 2
    """How many times wider the second half of a block is inside."""
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 256, blocks=self.blocks)
        in_range(1, 16, expansion=self.expansion)
        if self.channels * self.expansion < 4:
            raise ValueError(f"channels {self.channels} times expansion {self.expansion} is below 4")
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class Aggregation(nn.Module):
    """Self-modulation feature aggregation: what is not local modulates features, what is local is added (figure 3).

    Not local are maxima over 8x8 pixels and the variance over the whole picture.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.split = conv(c, 2 * c, 1)
        self.alpha = nn.Parameter(torch.ones(1, c, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, c, 1, 1))
        self.around = conv(c, c, groups=c)
        self.gate = conv(c, c, 1)
        self.local = nn.Sequential(conv(c, 2 * c, groups=c), conv(2 * c, 2 * c, 1), nn.GELU(), conv(2 * c, c, 1))
        self.join = conv(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same."""
        near, far = self.split(x).chunk(2, 1)
        h, w = x.shape[-2:]
        around = self.around(F.adaptive_max_pool2d(far, (max(1, h // 8), max(1, w // 8))))
        spread = far.var((-2, -1), keepdim=True)
        gate = F.gelu(self.gate(around * self.alpha + spread * self.beta))
        return self.join(far * F.interpolate(gate, size=(h, w)) + self.local(near))


class PartialFeedForward(nn.Module):
    """1x1 convolution -> a 3x3 convolution of a quarter of the channels -> 1x1 convolution, GELU between (figure 3)."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.part = wide // 4
        self.widen, self.mix, self.narrow = conv(channels, wide, 1), conv(self.part, self.part), conv(wide, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same."""
        x = F.gelu(self.widen(x))
        part, rest = x[:, : self.part], x[:, self.part :]
        return self.narrow(torch.cat((F.gelu(self.mix(part)), rest), 1))


class Modulation(nn.Module):
    """Both halves, each on features of unit length and with a skip."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.aggregation = Aggregation(channels)
        self.feed_forward = PartialFeedForward(channels, expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same."""
        x = x + self.aggregation(F.normalize(x))
        return x + self.feed_forward(F.normalize(x))


class SMFANet(Restorer):
    """head -> modulation blocks, + head -> sub-pixel convolution (figure 2).

    185,628 parameters at x2, 197,328 at x4; the paper says 186 and 197 thousand. The halo covers the convolutions;
    maxima are taken over the pixels of a tile, and a tile has its own variance.
    """

    architecture = "smfanet"
    Config = SMFANetConfig

    def __init__(self, config: SMFANetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SMFANetConfig()
        self.scale, c = config.scale, config.channels
        self.head = conv(3, c)
        self.blocks = nn.Sequential(*(Modulation(c, config.expansion) for _ in range(config.blocks)))
        self.upsampler = Upsampler(c, config.scale, 3, kind=config.upsampler, at_once=True)
        self.halo = 2 * config.blocks + 1 + int(self.upsampler.reach)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        head = self.head(y.contiguous(memory_format=torch.channels_last))
        return self.upsampler(head + self.blocks(head)).float()

"""The hourglass with skips of the deep image prior (Ulyanov, Vedaldi and Lempitsky, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.prior.base import PADDINGS, UPSAMPLING, PriorNet, norm, normalized_conv
from regrow.nets.upscale.base import in_range, one_of
from regrow.nets.upscale.blocks import conv


@dataclass(frozen=True, kw_only=True)
class HourglassConfig:
    """Settings; those of the paper's default net, its supplementary material's table of the same name."""

    inputs: int = 32
    """Channels of the noise."""
    outputs: int = 3
    levels: int = 5
    """How often the size is halved and doubled again."""
    channels: int = 128
    first: int = 0
    """Channels of the outermost level, each further one having twice as many up to `channels`; 0 gives all the same."""
    skip: int = 4
    """Channels that go past what lies deeper; 0 for none: an encoder and a decoder."""
    kernel: int = 3
    upsampling: str = "bilinear"
    """Or nearest."""
    padding: str = "reflect"
    """Or zeros, which is faster."""

    def __post_init__(self) -> None:
        in_range(1, 1024, inputs=self.inputs, channels=self.channels)
        in_range(1, 1024, outputs=self.outputs)
        in_range(1, 7, levels=self.levels)
        in_range(0, 1024, first=self.first, skip=self.skip)
        one_of((3, 5), kernel=self.kernel)
        one_of(UPSAMPLING, upsampling=self.upsampling)
        one_of(PADDINGS, padding=self.padding)


class Hourglass(PriorNet):
    """Levels inside one another, -> 1x1 convolution -> sigmoid (supplementary material, figure 21).

    2,217,831 parameters by default. What stands in the paper as U-Net-like is this with as many skip channels as
    `channels`.
    """

    architecture = "hourglass"
    Config = HourglassConfig

    def __init__(self, config: HourglassConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HourglassConfig()
        widths = [min(config.channels, config.first * 2**i or config.channels) for i in range(config.levels)]
        around = [config.inputs, *widths]
        self.body = Level(around[-2], widths[-1], widths[max(0, config.levels - 2)], None, config)
        for i in reversed(range(config.levels - 1)):
            self.body = Level(around[i], widths[i], widths[max(0, i - 1)], self.body, config)
        self.tail = conv(widths[0], config.outputs, 1)
        self.multiple = 2**config.levels
        self.smallest = (config.kernel // 2 + 1) * self.multiple  # reflections need more pixels than they add
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), above 0 and below 1."""
        return self.tail(self.body(z.contiguous(memory_format=torch.channels_last))).sigmoid()


class Level(nn.Module):
    """One level and what lies deeper; what it gives has as many channels as the level around it.

    ::

        x -> 3x3, stride 2 -> 3x3 -> (deeper level) -> twice as large -> + -> normalised -> 3x3 -> 1x1
        |                                                                |
        +------------------------- 1x1, skip channels -------------------+
    """

    def __init__(self, inputs: int, channels: int, outputs: int, inner: Level | None, config: HourglassConfig) -> None:
        super().__init__()
        kernel, padding = config.kernel, config.padding
        self.mode = config.upsampling
        self.down = nn.Sequential(
            normalized_conv(inputs, channels, kernel, stride=2, padding=padding),
            normalized_conv(channels, channels, kernel, padding=padding),
        )
        self.inner = inner
        self.skip = normalized_conv(inputs, config.skip, 1, padding=padding) if config.skip else None
        joined = channels + config.skip
        self.up = nn.Sequential(
            norm(joined),
            normalized_conv(joined, channels, kernel, padding=padding),
            normalized_conv(channels, outputs, 1, padding=padding),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), H and W even."""
        deep = self.down(x)
        if self.inner is not None:
            deep = self.inner(deep)
        deep = F.interpolate(deep, scale_factor=2, mode=self.mode)
        return self.up(deep if self.skip is None else torch.cat((self.skip(x), deep), 1))

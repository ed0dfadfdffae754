"""The U-Net (Ronneberger, Fischer and Brox, MICCAI 2015) as a prior of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.prior.base import PADDINGS, UPSAMPLING, PriorNet, normalized_conv
from regrow.nets.upscale.base import in_range, one_of
from regrow.nets.upscale.blocks import conv, leaky


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Settings."""

    inputs: int = 32
    """Channels of the noise."""
    outputs: int = 3
    levels: int = 4
    """How often the size is halved and doubled again."""
    channels: int = 16
    """Of the outermost level; each further one has twice as many."""
    upsampling: str = "bilinear"
    """Or nearest."""
    padding: str = "reflect"
    """Or zeros."""
    normalized: bool = True
    """Batch normalisation after each convolution; without it a pixel depends on none beyond the reach of the net."""

    def __post_init__(self) -> None:
        in_range(1, 1024, inputs=self.inputs, outputs=self.outputs)
        in_range(1, 6, levels=self.levels)
        in_range(1, 256, channels=self.channels)
        one_of(UPSAMPLING, upsampling=self.upsampling)
        one_of(PADDINGS, padding=self.padding)


class UNet(PriorNet):
    """Two convolutions, halved by maxima, `levels` times; then doubled, joined with what was left at that size.

    Unlike in 2015 convolutions are normalised and keep the size, and rectifiers leak, as in the other priors. At the
    bottom the channels are not doubled once more. 1,427,811 parameters by default.
    """

    architecture = "unet"
    Config = UNetConfig

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        widths = [config.channels * 2 ** min(i, config.levels - 1) for i in range(config.levels + 1)]
        self.down, self.narrow, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        inputs = config.inputs
        for width in widths:
            self.down.append(_pair(inputs, width, config))
            inputs = width
        for width in reversed(widths[:-1]):
            self.narrow.append(conv(inputs, width, padding_mode=config.padding))
            self.up.append(_pair(2 * width, width, config))
            inputs = width
        self.halved = nn.MaxPool2d(2)
        self.doubled = nn.Upsample(scale_factor=2, mode=config.upsampling)
        self.tail = conv(inputs, config.outputs, 1)
        self.multiple = 2**config.levels
        self.smallest = 2 * self.multiple
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), above 0 and below 1."""
        x, left = z.contiguous(memory_format=torch.channels_last), []
        for i, down in enumerate(self.down):
            x = down(self.halved(x) if i else x)
            left.append(x)
        left.pop()
        for narrow, up in zip(self.narrow, self.up, strict=True):
            x = up(torch.cat((left.pop(), narrow(self.doubled(x))), 1))
        return self.tail(x).sigmoid()


def _pair(inputs: int, outputs: int, config: UNetConfig) -> nn.Sequential:
    make = normalized_conv if config.normalized else _plain_conv
    return nn.Sequential(make(inputs, outputs, padding=config.padding), make(outputs, outputs, padding=config.padding))


def _plain_conv(inputs: int, outputs: int, *, padding: str) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, padding_mode=padding), leaky())

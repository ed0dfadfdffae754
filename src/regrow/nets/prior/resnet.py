"""A residual net without any change of size as a prior of pictures (Ulyanov, Vedaldi and Lempitsky, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.prior.base import PADDINGS, PriorNet, norm, normalized_conv
from regrow.nets.upscale.base import in_range, one_of
from regrow.nets.upscale.blocks import Residual, conv, leaky


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Settings."""

    inputs: int = 32
    """Channels of the noise."""
    outputs: int = 3
    blocks: int = 8
    channels: int = 32
    padding: str = "reflect"
    """Or zeros."""

    def __post_init__(self) -> None:
        in_range(1, 1024, inputs=self.inputs, outputs=self.outputs, channels=self.channels)
        in_range(0, 64, blocks=self.blocks)
        one_of(PADDINGS, padding=self.padding)


class ResNet(PriorNet):
    """Convolution -> residual blocks, normalised after both convolutions -> the same once -> convolution -> sigmoid.

    All are 3x3. 168,419 parameters by default. It looks 2 * blocks + 3 pixels away and no further, so that it fills
    small holes only.
    """

    architecture = "resnet"
    Config = ResNetConfig
    multiple = 1
    smallest = 2

    def __init__(self, config: ResNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ResNetConfig()
        c, padding = config.channels, config.padding
        self.head = nn.Sequential(conv(config.inputs, c, padding_mode=padding), leaky())
        self.blocks = nn.Sequential(
            *(
                Residual(normalized_conv(c, c, padding=padding), conv(c, c, padding_mode=padding), norm(c))
                for _ in range(config.blocks)
            )
        )
        self.trunk = nn.Sequential(conv(c, c, padding_mode=padding), norm(c))
        self.tail = conv(c, config.outputs, padding_mode=padding)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), above 0 and below 1."""
        x = self.head(z.contiguous(memory_format=torch.channels_last))
        return self.tail(self.trunk(self.blocks(x))).sigmoid()

"""What every net of the deep image prior is: the contract with what fits it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from regrow.nets.model import Model
from regrow.nets.upscale.blocks import conv, leaky

PADDINGS = "reflect", "zeros"
UPSAMPLING = "bilinear", "nearest"


class PriorNet(Model):
    """A map from noise that stays the same to a picture; the picture is in its weights.

    Batch normalisation takes the statistics of what it is given, always: there is one picture and nothing to keep
    statistics for.
    """

    config: Any
    """Its settings, with at least `inputs` and `outputs`."""
    multiple: int
    """Both sides of what it is given are multiples of so many pixels."""
    smallest: int
    """And at least so many."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), above 0 and below 1."""

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """The least (height, width) that it can make and that a picture of this (height, width) fits into."""
        height, width = (max(self.smallest, -(-n // self.multiple) * self.multiple) for n in size)
        return height, width


def normalized_conv(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, padding: str) -> nn.Sequential:
    """Convolution -> batch normalisation -> leaky rectifier; `padding` is one of `PADDINGS`."""
    return nn.Sequential(
        conv(inputs, outputs, kernel, stride=stride, padding_mode=padding if kernel > 1 else "zeros"),
        norm(outputs),
        leaky(),
    )


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation that keeps no statistics."""
    return nn.BatchNorm2d(channels, track_running_stats=False)

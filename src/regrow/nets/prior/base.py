"""The base class of nets for the deep image prior: the contract with the code that fits them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from regrow.nets.model import Model
from regrow.nets.upscale.blocks import conv, leaky

PADDINGS = "reflect", "zeros"
UPSAMPLING = "bilinear", "nearest"


class PriorNet(Model):
    """A map from fixed noise to a picture; the picture is encoded in the weights.

    Batch normalisation always uses the statistics of its input: there is one picture only, so running statistics would
    serve nothing.
    """

    config: Any
    """The settings, with at least `inputs` and `outputs`."""
    multiple: int
    """Both sides of the input must be multiples of this many pixels."""
    smallest: int
    """Both sides of the input must have at least this many pixels."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), above 0 and below 1."""

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Smallest (height, width) that the net can make and that contains a picture of `size` (height, width)."""
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

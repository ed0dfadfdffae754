"""Building blocks that more than one architecture uses."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + scaling * conv(relu(conv(x))), 3x3 or larger, no normalisation (EDSR, Lim et al. 2017, figure 2c).

    The second convolution starts small, so that a deep stack starts near the identity.
    """

    def __init__(self, channels: int, scaling: float = 1.0, kernel: int = 3) -> None:
        super().__init__()
        self.scaling = scaling
        self.conv1 = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        with torch.no_grad():
            self.conv2.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        update = self.conv2(self.conv1(x).relu_())
        return x + (update if self.scaling == 1 else self.scaling * update)


def quantize(x: Tensor, levels: int = 255) -> Tensor:
    """Round to what an integer file holds: [0, 1] in steps of 1/levels, values outside clamped.

    The gradient passes the rounding as if it were not there (straight-through, Bengio et al. 2013), but not the clamp
    beyond 1/2 level, so that training sees what saving does: the compression module of Kim et al. 2018, section 3.1.
    """
    bounded = x.clamp(-0.5 / levels, 1 + 0.5 / levels)
    return bounded + ((bounded * levels).round().clamp(0, levels) / levels - bounded).detach()

"""Dense deep back-projection network, D-DBPN (Haris, Shakhnarovich and Ukita, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import conv, transposed

KERNELS = {2: (6, 2), 4: (8, 2), 8: (12, 2)}
"""Side and padding of the projections at each scale (section 4.1)."""


@dataclass(frozen=True, kw_only=True)
class DBPNConfig:
    """Settings."""

    scale: int = 4
    """2, 4 or 8."""
    features: int = 256
    channels: int = 64
    stages: int = 7

    def __post_init__(self) -> None:
        one_of(tuple(KERNELS), scale=self.scale)
        in_range(1, 1024, features=self.features, channels=self.channels)
        in_range(1, 64, stages=self.stages)


class Projection(nn.Module):
    """Up (or down) -> back -> what the way back got wrong, up (or down), + the first (figure 3, equations 1 to 10).

    More than `channels` inputs come first through a 1x1 convolution: they are what all earlier projections made.
    """

    def __init__(self, scale: int, channels: int, inputs: int, *, up: bool, dense: bool) -> None:
        super().__init__()
        kernel, padding = KERNELS[scale]

        def layer(larger: bool) -> nn.Sequential:
            if larger:
                return nn.Sequential(transposed(channels, channels, kernel, scale), nn.PReLU())
            return nn.Sequential(nn.Conv2d(channels, channels, kernel, scale, padding), nn.PReLU())

        self.narrow = nn.Sequential(conv(inputs, channels, 1), nn.PReLU()) if dense else nn.Identity()
        self.first, self.back, self.again = layer(up), layer(not up), layer(up)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, channels, scale * h, scale * w); or the other way."""
        x = self.narrow(x)
        first = self.first(x)
        return first + self.again(self.back(first) - x)


class DBPN(Restorer):
    """features -> up and down projections in turn, each seeing all before it -> all that is large -> convolution.

    10,430,519 parameters at x4; the paper says 10 million (figure 7). No mean colour is taken off.
    """

    architecture = "dbpn"
    Config = DBPNConfig

    def __init__(self, config: DBPNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DBPNConfig()
        self.scale, c, n = config.scale, config.channels, config.stages
        # Each of the three layers of a projection looks one small pixel away.
        self.halo = 1 + 3 * (2 * n - 1) + 1
        self.head = nn.Sequential(conv(3, config.features), nn.PReLU(), conv(config.features, c, 1), nn.PReLU())
        self.ups = nn.ModuleList(Projection(self.scale, c, max(1, i) * c, up=True, dense=i > 0) for i in range(n))
        self.downs = nn.ModuleList(Projection(self.scale, c, (i + 1) * c, up=False, dense=i > 0) for i in range(n - 1))
        self.tail = conv(n * c, 3)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = self.head(y.contiguous(memory_format=torch.channels_last))
        large = [self.ups[0](x)]
        small: list[Tensor] = []
        for up, down in zip(list(self.ups)[1:], self.downs, strict=True):
            small.append(down(torch.cat(large, 1)))
            large.append(up(torch.cat(small, 1)))
        return self.tail(torch.cat(large, 1)).float()

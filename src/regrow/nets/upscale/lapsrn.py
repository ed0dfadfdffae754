"""Laplacian pyramid network, LapSRN (Lai et al., CVPR 2017), and MS-LapSRN, which shares its weights (TPAMI 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import bilinear_start, conv, he_start, leaky, transposed, zero_start


@dataclass(frozen=True, kw_only=True)
class LapSRNConfig:
    """Settings; `LapSRNConfig(colors=1)` is LapSRN, `LapSRNConfig.multi_scale(colors=1)` is MS-LapSRN, D5R8."""

    scale: int = 4
    """2, 4 or 8: a level of the pyramid for each factor of 2."""
    channels: int = 64
    layers: int = 10
    """Convolutions of a level, which may be run again."""
    recursions: int = 1
    shared: bool = False
    """Whether levels share their weights."""
    colors: int = 3

    def __post_init__(self) -> None:
        one_of((2, 4, 8), scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 64, layers=self.layers, recursions=self.recursions)
        one_of((1, 3), colors=self.colors)

    @classmethod
    def multi_scale(cls, scale: int = 4, colors: int = 3) -> LapSRNConfig:
        """MS-LapSRN as published."""
        return cls(scale=scale, layers=5, recursions=8, shared=True, colors=colors)


class Level(nn.Module):
    """Twice the size: (convolutions, + what came in), again and again -> transposed convolution."""

    def __init__(self, config: LapSRNConfig) -> None:
        super().__init__()
        c, self.recursions = config.channels, config.recursions
        layers: list[nn.Module] = []
        for _ in range(config.layers):
            layers += [nn.LeakyReLU(0.2), conv(c, c)]  # not in place: what came in is needed again
        self.layers = nn.Sequential(*layers)
        he_start(self.layers)
        self.larger = nn.Sequential(leaky(), transposed(c, c, 3, 2), leaky())
        self.detail = zero_start(conv(c, config.colors))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, channels, h, w) -> features (B, channels, 2h, 2w) and detail (B, colours, 2h, 2w)."""
        hidden = self.layers(x)
        for _ in range(self.recursions - 1):
            hidden = self.layers(hidden + x)
        hidden = self.larger(hidden + x if self.recursions > 1 else hidden)
        return hidden, self.detail(hidden)


class LapSRN(LumaRestorer):
    """Level by level: the picture enlarged by a 4x4 transposed convolution, + detail from features (figure 1).

    The paper's 812 thousand at x4 are the 812,768 weights, without 1,476 biases; that takes 3x3 kernels where features
    become larger, as the authors' code has them. MS-LapSRN has 222 thousand at any scale: all levels share one.
    """

    architecture = "lapsrn"
    Config = LapSRNConfig
    enlarged = False

    def __init__(self, config: LapSRNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LapSRNConfig()
        self.scale, self.colors = config.scale, config.colors
        steps = config.scale.bit_length() - 1
        inside = config.layers * config.recursions + 1
        self.halo = 1 + ceil(sum(Fraction(inside, 2**i) for i in range(steps)) + Fraction(1, config.scale))
        self.head = conv(config.colors, config.channels)
        levels = 1 if config.shared else steps
        self.levels = nn.ModuleList(Level(config) for _ in range(levels))
        self.pictures = nn.ModuleList(
            bilinear_start(transposed(config.colors, config.colors, 4, 2)) for _ in range(levels)
        )
        self.steps = steps
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """(B, colours, h, w) -> (B, colours, 2h, 2w), (B, colours, 4h, 4w) ... as every level leaves it."""
        hidden, results = self.head(x), []
        for i in range(self.steps):
            at = 0 if self.config.shared else i
            hidden, detail = self.levels[at](hidden)
            x = self.pictures[at](x) + detail
            results.append(x)
        return results

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        return self.pyramid(x)[-1]

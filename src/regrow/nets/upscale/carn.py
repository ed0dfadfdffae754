"""Cascading residual network, CARN, and the light CARN-M (Ahn, Kang and Sohn, ECCV 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import ScaleRestorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, mean_color, relu


@dataclass(frozen=True, kw_only=True)
class CARNConfig:
    """Settings; `CARNConfig(groups=4, shared=True)` is CARN-M."""

    scale: int = 2
    """2, 3 or 4, of which all weights are held: this is the one it runs at."""
    channels: int = 64
    groups: int = 1
    """Of the convolutions inside blocks and upsamplers; more than 1 adds a 1x1 convolution to the blocks."""
    shared: bool = False
    """Whether the three blocks of a cascade are one block, run three times."""
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of(ScaleRestorer.SCALES, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        if self.groups < 1 or self.channels % self.groups:
            raise ValueError(f"groups {self.groups} do not divide channels {self.channels}")
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class Block(nn.Module):
    """relu(x + convolutions), efficient (grouped, with a 1x1 convolution) in CARN-M (figure 4)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(channels, channels, groups=groups), relu()]
        layers.append(conv(channels, channels, groups=groups))
        if groups > 1:
            layers += [relu(), conv(channels, channels, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        return (x + self.layers(x)).relu_()


class Cascade(nn.Module):
    """Three units, after each of which a 1x1 convolution and ReLU choose from all that came so far (figure 3).

    One unit that is given alone runs three times.
    """

    def __init__(self, channels: int, units: Sequence[nn.Module]) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.choices = nn.ModuleList(conv((i + 2) * channels, channels, 1) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        made = x
        for i, choice in enumerate(self.choices):
            made = torch.cat((made, self.units[i % len(self.units)](x)), 1)
            x = choice(made).relu_()
        return x


class CARN(ScaleRestorer):
    """head -> cascade of three cascades of three blocks -> the scale's upsampler with ReLU -> tail (figure 2b).

    1,591,939 parameters with the upsamplers of all three scales, which is how the paper counts 1,592 thousand. CARN-M
    has 414,787, of which the paper's 412 thousand are the weights, without biases.
    """

    architecture = "carn"
    Config = CARNConfig

    def __init__(self, config: CARNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CARNConfig()
        self.scale, c = config.scale, config.channels
        self.halo = 1 + 9 * 2 + 2
        self.head = conv(3, c)
        self.body = Cascade(c, [Cascade(c, self._blocks()) for _ in range(3)])
        self.upsamplers = nn.ModuleDict(
            {str(s): Upsampler(c, s, kind=config.upsampler, groups=config.groups, activation=relu) for s in self.scales}
        )
        self.tail = conv(c, 3)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _blocks(self) -> list[nn.Module]:
        return [Block(self.config.channels, self.config.groups) for _ in range(1 if self.config.shared else 3)]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        mean = mean_color(y)
        x = self.body(self.head((y - mean).contiguous(memory_format=torch.channels_last)))
        return self.tail(self.upsamplers[str(self.scale)](x)).float() + mean

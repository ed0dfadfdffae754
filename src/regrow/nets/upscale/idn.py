"""Information distillation network, IDN (Hui, Wang and Gao, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.ops.resample import bicubic_by
from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import Activation, conv, he_start, transposed, transposed_reach


@dataclass(frozen=True, kw_only=True)
class IDNConfig:
    """Settings; `IDNConfig(colors=1)` is the paper's."""

    scale: int = 2
    """2, 3 or 4."""
    channels: int = 64
    distilled: int = 16
    """Channels a unit keeps as they are (d); its layers narrow and widen by as many. A multiple of 4."""
    blocks: int = 4
    colors: int = 3

    def __post_init__(self) -> None:
        one_of((2, 3, 4), scale=self.scale)
        in_range(1, 1024, channels=self.channels, distilled=self.distilled)
        if self.distilled % 4 or self.channels % 4 or 2 * self.distilled >= self.channels:
            raise ValueError(f"distilled {self.distilled}: a multiple of 4 below half of channels {self.channels}")
        in_range(1, 64, blocks=self.blocks)
        one_of((1, 3), colors=self.colors)


def _slight() -> nn.Module:
    return nn.LeakyReLU(0.05, inplace=True)


def _three(inputs: int, middle: int, grouped: int, outputs: int, activation: Activation) -> nn.Sequential:
    return nn.Sequential(
        conv(inputs, middle), activation(), conv(middle, grouped, groups=4), activation(),
        conv(grouped, outputs), activation(),
    )  # fmt: skip


class Distillation(nn.Module):
    """Enhancement unit and 1x1 compression (figure 2).

    Three layers; d of their channels are kept beside the input, the others go through three more, and both are added.
    """

    def __init__(self, channels: int, distilled: int) -> None:
        super().__init__()
        c, d = channels, distilled
        self.distilled = d
        self.upper = _three(c, c - d, c - 2 * d, c, _slight)
        self.lower = _three(c - d, c, c - d, c + d, _slight)
        self.compression = nn.Sequential(conv(c + d, c, 1), _slight())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same."""
        upper = self.upper(x)
        kept, rest = upper[:, : self.distilled], upper[:, self.distilled :]
        return self.compression(self.lower(rest) + torch.cat((kept, x), 1))


class IDN(LumaRestorer):
    """two convolutions -> distillation blocks -> 17x17 transposed convolution, + bicubic (figure 1).

    552,769 parameters at any scale, as published: 553 thousand. The second of every three layers has 4 groups.
    """

    architecture = "idn"
    Config = IDNConfig
    enlarged = False

    def __init__(self, config: IDNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or IDNConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = 2 + 6 * config.blocks + transposed_reach(17, config.scale)
        self.head = nn.Sequential(conv(config.colors, c), _slight(), conv(c, c), _slight())
        self.blocks = nn.Sequential(*(Distillation(c, config.distilled) for _ in range(config.blocks)))
        self.larger = transposed(c, config.colors, 17, config.scale)
        he_start(self)
        nn.init.normal_(self.larger.weight, std=0.001)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        enlarged = bicubic_by(x, self.scale)
        return enlarged + self.larger(self.blocks(self.head(x)))

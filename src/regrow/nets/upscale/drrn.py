"""Deep recursive residual network, DRRN (Tai, Yang and Liu, CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import RecursiveBlock, conv, he_start, zero_start


@dataclass(frozen=True, kw_only=True)
class DRRNConfig:
    """Settings; `DRRNConfig(colors=1)` is the paper's B1U25."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    channels: int = 128
    blocks: int = 1
    units: int = 25
    colors: int = 3
    batch_norm: bool = True

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 64, blocks=self.blocks, units=self.units)
        one_of((1, 3), colors=self.colors)


class DRRN(LumaRestorer):
    """bicubic -> recursive blocks, each a convolution and residual units with shared weights -> convolution, + bicubic.

    Normalisation and ReLU come before each convolution (figure 3). The paper counts 297,216 weights of convolutions;
    the normalisations of the units, which are not shared, and the biases are 13,443 parameters more.
    """

    architecture = "drrn"
    Config = DRRNConfig
    enlarged = True

    def __init__(self, config: DRRNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DRRNConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(config.blocks * (1 + 2 * config.units) + 1, config.scale)
        widths = [config.colors, *[c] * config.blocks]

        def before(channels: int) -> nn.Sequential:
            return nn.Sequential(nn.BatchNorm2d(channels) if config.batch_norm else nn.Identity(), nn.ReLU())

        self.heads = nn.ModuleList(nn.Sequential(before(inputs), conv(inputs, c)) for inputs in widths[:-1])
        self.blocks = nn.ModuleList(
            RecursiveBlock(c, config.units, normalized=config.batch_norm, from_start=True) for _ in range(config.blocks)
        )
        self.tail = nn.Sequential(before(c), conv(c, config.colors))
        he_start(self)
        zero_start(self.tail[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        hidden = x
        for head, block in zip(self.heads, self.blocks, strict=True):
            hidden = block(head(hidden))[-1]
        return x + self.tail(hidden)

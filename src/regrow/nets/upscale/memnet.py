"""Persistent memory network, MemNet (Tai, Yang, Liu and Xu, ICCV 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import RecursiveBlock, conv, he_start, zero_start


@dataclass(frozen=True, kw_only=True)
class MemNetConfig:
    """Settings; `MemNetConfig(colors=1)` is the paper's M6R6."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged. 1 takes noise or blocks of JPEG away."""
    channels: int = 64
    blocks: int = 6
    units: int = 6
    colors: int = 3
    batch_norm: bool = True

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 64, blocks=self.blocks, units=self.units)
        one_of((1, 3), colors=self.colors)


class MemNet(LumaRestorer):
    """bicubic -> memory blocks -> a reconstruction of what each remembers, + bicubic -> weighted mean (figure 3).

    In a memory block the units of a recursive block share their weights, and a 1x1 gate chooses from all that they made
    and from all earlier blocks. The paper counts 676,992 weights of convolutions; biases, normalisations (each
    unit its own) and the weights of the mean are 17,865 parameters more.
    """

    architecture = "memnet"
    Config = MemNetConfig
    enlarged = True

    def __init__(self, config: MemNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MemNetConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(2 * config.blocks * config.units + 2, config.scale)

        def layer(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
            norm = nn.BatchNorm2d(inputs) if config.batch_norm else nn.Identity()
            return nn.Sequential(norm, nn.ReLU(), conv(inputs, outputs, kernel))

        self.head = layer(config.colors, c, 3)
        self.blocks = nn.ModuleList(
            RecursiveBlock(c, config.units, normalized=config.batch_norm, from_start=False)
            for _ in range(config.blocks)
        )
        self.gates = nn.ModuleList(layer(c * (config.units + i + 1), c, 1) for i in range(config.blocks))
        self.reconstruction = layer(c, config.colors, 3)
        self.mixing = nn.Parameter(torch.full((config.blocks,), 1 / config.blocks))
        he_start(self)
        zero_start(self.reconstruction[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        remembered, total = [self.head(x)], torch.zeros_like(x)
        for block, gate, weight in zip(self.blocks, self.gates, self.mixing / self.mixing.sum(), strict=True):
            remembered.append(gate(torch.cat((*block(remembered[-1]), *remembered), 1)))
            total = total + weight * self.reconstruction(remembered[-1])
        return x + total

"""Residual encoder-decoder network, RED-Net (Mao, Shen and Yang, NeurIPS 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import conv, he_start, transposed, zero_start


@dataclass(frozen=True, kw_only=True)
class REDNetConfig:
    """Settings; `REDNetConfig(colors=1)` is RED30, `layers=10` RED20 and `layers=5` RED10."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged. 1 takes noise or blocks of JPEG away."""
    channels: int = 128
    layers: int = 15
    """Convolutions; there are as many transposed ones."""
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        in_range(1, 128, layers=self.layers)
        one_of((1, 3), colors=self.colors)


class REDNet(LumaRestorer):
    """bicubic -> convolutions -> as many transposed ones, every second + its mirror image, + the bicubic (figure 1).

    Nothing changes size. 4,131,072 weights, as MemNet's table counts RED30, and 3,713 biases.
    """

    architecture = "rednet"
    Config = REDNetConfig
    enlarged = True

    def __init__(self, config: REDNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or REDNetConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(2 * config.layers, config.scale)
        widths = [config.colors, *[c] * (config.layers - 1)]
        self.encoder = nn.ModuleList(conv(inputs, c) for inputs in widths)
        self.decoder = nn.ModuleList(transposed(c, outputs, 3, 1) for outputs in reversed(widths))
        he_start(self)
        zero_start(self.decoder[-1])  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        hidden, seen = x, [x]
        for layer in self.encoder:
            hidden = layer(hidden).relu()
            seen.append(hidden)
        for done, layer in enumerate(self.decoder, 1):
            hidden = layer(hidden)
            if done < len(self.decoder):
                hidden = (hidden if done % 2 else hidden + seen[-1 - done]).relu()
        return x + hidden

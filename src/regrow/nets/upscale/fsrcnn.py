"""Fast super-resolution convolutional neural network, FSRCNN (Dong, Loy and Tang, ECCV 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, in_range, one_of
from regrow.nets.upscale.blocks import conv, he_start, transposed, transposed_reach


@dataclass(frozen=True, kw_only=True)
class FSRCNNConfig:
    """Settings; `FSRCNNConfig(colors=1)` is the paper's, `channels=32, narrow=5, mappings=1` its small one."""

    scale: int = 2
    """2, 3 or 4."""
    channels: int = 56
    narrow: int = 12
    mappings: int = 4
    colors: int = 3

    def __post_init__(self) -> None:
        one_of((2, 3, 4), scale=self.scale)
        in_range(1, 1024, channels=self.channels, narrow=self.narrow)
        in_range(0, 256, mappings=self.mappings)
        one_of((1, 3), colors=self.colors)


class FSRCNN(LumaRestorer):
    """5x5 features -> 1x1 shrinking -> 3x3 mappings -> 1x1 expanding -> 9x9 transposed convolution (figure 2).

    PReLU follows every layer but the last. The paper counts 12,464 weights, without biases and slopes; with them the
    net has 12,809 parameters.
    """

    architecture = "fsrcnn"
    Config = FSRCNNConfig
    enlarged = False

    def __init__(self, config: FSRCNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FSRCNNConfig()
        self.scale, self.colors = config.scale, config.colors
        self.halo = 2 + config.mappings + max(2, transposed_reach(9, config.scale))
        c, narrow = config.channels, config.narrow
        layers: list[nn.Module] = [conv(config.colors, c, 5), nn.PReLU(c), conv(c, narrow, 1), nn.PReLU(narrow)]
        for _ in range(config.mappings):
            layers += [conv(narrow, narrow), nn.PReLU(narrow)]
        self.layers = nn.Sequential(*layers, conv(narrow, c, 1), nn.PReLU(c))
        self.upsampler = transposed(c, config.colors, 9, config.scale)
        he_start(self)
        nn.init.normal_(self.upsampler.weight, std=0.001)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w) -> (B, colours, scale * h, scale * w)."""
        return self.upsampler(self.layers(x))

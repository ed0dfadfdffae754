"""Image restoration CNN, the denoiser prior of IRCNN (Zhang, Zuo, Gu and Zhang, CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import normalized

DILATIONS = 1, 2, 3, 4, 3, 2, 1


@dataclass(frozen=True, kw_only=True)
class IRCNNConfig:
    """Settings; `IRCNNConfig(scale=1)` is the paper's denoiser of colour, with `colors=1` that of grey."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged. 1 takes noise or blocks of JPEG away."""
    channels: int = 64
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, channels=self.channels)
        one_of((1, 3), colors=self.colors)


class IRCNN(LumaRestorer):
    """bicubic -> 7 convolutions that look 1, 2, 3, 4, 3, 2 and 1 pixels away, ReLU between, + the bicubic (figure 1).

    The inner ones have batch normalisation. Three colours: 188,163 weights and biases, as surveys count, and 640 of the
    normalisations.
    """

    architecture = "ircnn"
    Config = IRCNNConfig
    enlarged = True

    def __init__(self, config: IRCNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or IRCNNConfig()
        self.scale, self.colors, c = config.scale, config.colors, config.channels
        self.halo = enlarged_halo(sum(DILATIONS), config.scale)
        self.layers = normalized([config.colors, *[c] * 6, config.colors], dilations=DILATIONS, bias=True)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        return x + self.layers(x)

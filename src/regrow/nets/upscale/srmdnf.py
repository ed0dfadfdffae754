"""Super-resolution of multiple degradations, noise-free: SRMDNF (Zhang, Zuo and Zhang, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import UPSAMPLERS, Upsampler, conv, he_start, relu


@dataclass(frozen=True, kw_only=True)
class SRMDNFConfig:
    """Settings."""

    scale: int = 2
    """2, 3 or 4, at once."""
    channels: int = 128
    layers: int = 12
    codes: int = 15
    """Numbers that describe a blur: how much of each principal component its kernel has."""
    upsampler: str = "subpixel"

    def __post_init__(self) -> None:
        one_of((2, 3, 4), scale=self.scale)
        in_range(1, 1024, channels=self.channels, codes=self.codes)
        in_range(2, 256, layers=self.layers)
        one_of(UPSAMPLERS, upsampler=self.upsampler)


class SRMDNF(Restorer):
    """picture and blur, stretched to its size -> convolutions with batch normalisation -> sub-pixel convolution.

    ReLU follows every layer but the last (figure 3). 1,513,356 parameters at x2, of which 2,816 are of the
    normalisations; surveys say 1,513 thousand. The code of the blur is part of the weights, zero to begin with, unless
    it is given.
    """

    architecture = "srmdnf"
    Config = SRMDNFConfig
    blur: Tensor

    def __init__(self, config: SRMDNFConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SRMDNFConfig()
        self.scale, c = config.scale, config.channels
        widths = [3 + config.codes, *[c] * (config.layers - 1)]
        layers: list[nn.Module] = []
        for inputs in widths[:-1]:
            layers += [conv(inputs, c), nn.BatchNorm2d(c), relu()]
        self.layers = nn.Sequential(*layers)
        he_start(self.layers)
        self.upsampler = Upsampler(c, config.scale, 3, kind=config.upsampler, kernel=3, at_once=True)
        self.halo = config.layers - 1 + int(self.upsampler.reach)
        self.register_buffer("blur", torch.zeros(config.codes))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor, blur: Tensor | None = None) -> Tensor:
        """(B, 3, h, w) and the blur of each, (B, codes), -> (B, 3, scale * h, scale * w)."""
        blur = self.blur.expand(len(y), -1) if blur is None else blur
        given = torch.cat((y, blur[..., None, None].expand(-1, -1, *y.shape[-2:])), 1)
        return self.upsampler(self.layers(given.contiguous(memory_format=torch.channels_last))).float()

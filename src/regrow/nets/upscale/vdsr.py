"""Very deep super-resolution (Kim, Lee and Lee, CVPR 2016)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from regrow.colorspace import luma
from regrow.nets.upscale.base import Restorer
from regrow.resample import bicubic


@dataclass(frozen=True, kw_only=True)
class VDSRConfig:
    """Settings; `colours=1` is the paper's, which corrects luma alone."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    layers: int = 20
    channels: int = 64
    colours: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= 8:
            raise ValueError(f"scale {self.scale} out of range: 1 to 8")
        if not 2 <= self.layers <= 256 or not 1 <= self.channels <= 1024:
            raise ValueError(f"layers {self.layers} or channels {self.channels} out of range: 2 to 256, 1 to 1024")
        if self.colours not in (1, 3):
            raise ValueError(f"colours {self.colours} is not 1 or 3")


class VDSR(Restorer):
    """bicubic -> `layers` convolutions without bias, ReLU between them, + the bicubic (figure 1).

    With one colour the residual of the luma is added to all three channels, which leaves chroma as bicubic made it. The
    paper's net has 664,704 parameters.
    """

    def __init__(self, config: VDSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VDSRConfig()
        self.scale, c = config.scale, config.channels
        # In pixels of the small picture, with what the bicubic kernel reaches.
        self.halo = -(-config.layers // config.scale) + 3
        widths = [config.colours, *[c] * (config.layers - 1), config.colours]
        stages: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            stages += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*stages[:-1])
        for module in self.layers:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = bicubic(y, (y.shape[-2] * self.scale, y.shape[-1] * self.scale))
        given = luma(x) if self.config.colours == 1 else x
        return x + self.layers(given.contiguous(memory_format=torch.channels_last)).float()

    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the result."""
        return float(sum(p.numel() for p in self.parameters()))

    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values."""
        return {"architecture": "vdsr", **asdict(self.config)}

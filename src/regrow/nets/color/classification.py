"""Colorful image colorization (Zhang, Isola and Efros, ECCV 2016): colour as one of 313 classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.color.base import Colorizer
from regrow.nets.color.bins import annealed_mean, in_gamut
from regrow.nets.color.trunk import Trunk


@dataclass(frozen=True, kw_only=True)
class ClassificationConfig:
    """Settings; `ClassificationConfig(width=64)` is the net of the paper."""

    width: int = 16
    dropout: float = 0.0
    """Of the trunk, in training."""
    temperature: float = 0.38
    """Of the annealed mean."""

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout} out of range: 0 to below 1")
        if not 1 <= self.width <= 256:
            raise ValueError(f"width {self.width} out of range: 1 to 256")
        if not 0 < self.temperature <= 1:
            raise ValueError(f"temperature {self.temperature} out of range: above 0, at most 1")


class ClassificationColorizer(Colorizer):
    """trunk -> 1x1 convolution to 313 classes -> annealed mean of their colours -> bilinear to the full size.

    The paper's net has 32,237,881 parameters.
    """

    architecture = "classification"
    Config = ClassificationConfig

    def __init__(self, config: ClassificationConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ClassificationConfig()
        self.trunk = Trunk(config.width, config.dropout)
        bins = in_gamut()
        self.classes = nn.Conv2d(self.trunk.channels, len(bins), 1)
        self.bins: Tensor
        self.register_buffer("bins", torch.tensor(bins))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) -> (B, 313, h/4, w/4)."""
        return self.classes(self.trunk(lightness)).float()

    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> a and b, (B, 2, h, w)."""
        ab = annealed_mean(self.logits(lightness), self.bins, self.config.temperature)
        return F.interpolate(ab, scale_factor=4, mode="bilinear")

"""Colour by regression, as in Super Colorization: the trunk of the classification net with two channels on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.color.base import Colorizer
from regrow.nets.color.trunk import Trunk


@dataclass(frozen=True, kw_only=True)
class RegressionConfig:
    """Settings."""

    width: int = 16
    dropout: float = 0.0
    """Of the trunk, in training."""

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout} out of range: 0 to below 1")
        if not 1 <= self.width <= 256:
            raise ValueError(f"width {self.width} out of range: 1 to 256")


class RegressionColorizer(Colorizer):
    """trunk -> 1x1 convolution to a and b -> bilinear to the full size. Nearest in the mean, and therefore pale."""

    architecture = "regression"
    Config = RegressionConfig
    renamed: ClassVar[dict[str, str]] = {"colours.": "colors."}  # before version 0.2

    def __init__(self, config: RegressionConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RegressionConfig()
        self.trunk = Trunk(config.width, config.dropout)
        self.colors = nn.Conv2d(self.trunk.channels, 2, 1)
        nn.init.zeros_(self.colors.weight)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def quarter(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) -> a and b, (B, 2, h/4, w/4)."""
        return 100 * self.colors(self.trunk(lightness)).float()

    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> a and b, (B, 2, h, w)."""
        return F.interpolate(self.quarter(lightness), scale_factor=4, mode="bilinear")
